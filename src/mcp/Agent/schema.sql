-- The agent's registry, mcp.db: what this node was told to run, how far each change got, and (apart from it) what was seen.
-- An operator with sqlite3 can answer "why is this here?". Times are RFC 3339 UTC text. Blobs are messages of proto/mcp/v1/spec.proto.

-- ── Desired: what the fleet asked of this node ──────────────────────────────────────────────────────────────────────────

-- One row for each service that is deployed here; written in the transaction that commits a deploy, removed by undeploy.
CREATE TABLE services (
  name            TEXT PRIMARY KEY,          -- the service
  spec            BLOB NOT NULL,             -- ServiceSpec of the current generation
  spec_hash       TEXT NOT NULL,             -- SpecHash.OfService of it
  generation      INTEGER NOT NULL,          -- the current generation, from 1
  desired_running INTEGER NOT NULL,          -- 1: started when the agent starts; 0: stopped on purpose
  held_by         TEXT NOT NULL DEFAULT '',  -- the migration that keeps it stopped; start, boot and monitor respect it
  operation       TEXT NOT NULL,             -- the operation that deployed the current generation
  principal       TEXT NOT NULL,             -- who deployed it
  deployed_at     TEXT NOT NULL              -- when
) STRICT;

-- One row for each container of a service. A container is acted on by this id, confirmed by its labels; never by a name.
CREATE TABLE components (
  service         TEXT NOT NULL REFERENCES services(name) ON DELETE CASCADE,
  name            TEXT NOT NULL,             -- the component
  ordinal         INTEGER NOT NULL,          -- its place in the definition: the order of starting
  container_name  TEXT NOT NULL UNIQUE,      -- <service>-<component>, or <service>; unique over all services
  container_id    TEXT NOT NULL DEFAULT '',  -- podman's id; empty: created at the next start (inactive service)
  spec_hash       TEXT NOT NULL,             -- SpecHash.OfComponent: what the container is made of
  made_of         TEXT NOT NULL,             -- digest over spec hash, image id and the env files' contents (keyed): decides "unchanged"
  image_reference TEXT NOT NULL,             -- the image as the definition writes it
  image_digest    TEXT NOT NULL,             -- what it was resolved to, once; later pulls are by this
  image_id        TEXT NOT NULL,             -- podman's local id of it
  stopped         INTEGER NOT NULL DEFAULT 0, -- 1: this one alone was stopped on purpose
  PRIMARY KEY (service, name)
) STRICT;

-- Containers that were running before this agent knew them, and were adopted: podman cannot label them any more, so this row is what confirms
-- an id of theirs as the labels confirm those that the agent made. It goes when its container is removed.
CREATE TABLE adopted (
  container_id    TEXT PRIMARY KEY,          -- podman's whole id
  service         TEXT NOT NULL,
  component       TEXT NOT NULL,
  operation       TEXT NOT NULL,             -- the adoption
  at              TEXT NOT NULL
) STRICT;

-- Host ports of routes; kept for the life of the route, so a redeploy or a restart changes none.
CREATE TABLE routes (
  service         TEXT NOT NULL,             -- no foreign key: a port is reserved before its service's first commit
  component       TEXT NOT NULL,
  route           TEXT NOT NULL,             -- the route's name
  host_port       INTEGER NOT NULL UNIQUE,   -- on 127.0.0.1, from [ports] first to last; a host-network component's own port
  operation       TEXT NOT NULL,             -- the operation that reserved it; its put-back frees it
  PRIMARY KEY (service, component, route)
) STRICT;

-- The last 10 deployed versions of each service. They outlive undeploy, so generation numbers never repeat.
CREATE TABLE generations (
  service         TEXT NOT NULL,
  generation      INTEGER NOT NULL,          -- counts up from 1
  spec            BLOB NOT NULL,             -- ServiceSpec
  spec_hash       TEXT NOT NULL,
  images          BLOB NOT NULL,             -- AgentDeployResult holding only `images`
  principal       TEXT NOT NULL,
  operation       TEXT NOT NULL,
  at              TEXT NOT NULL,
  PRIMARY KEY (service, generation)
) STRICT;

-- Whose data lies on this node, in which epoch. Outlives undeploy; only `mcp data purge` removes a row.
CREATE TABLE data_records (
  service         TEXT PRIMARY KEY,
  volume_id       TEXT NOT NULL,             -- UUID; the marker .mcp-owner carries the same
  epoch           INTEGER NOT NULL,          -- counts the moves of the data; the higher one owns
  state           TEXT NOT NULL,             -- 'current', or 'superseded': a higher epoch lives on another node
  superseded_node TEXT NOT NULL DEFAULT '',  -- where the higher epoch lives
  superseded_epoch INTEGER NOT NULL DEFAULT 0,
  spec            BLOB NOT NULL,             -- the last ServiceSpec that used it
  operation       TEXT NOT NULL,             -- what made the row
  updated         TEXT NOT NULL
) STRICT;

-- Edge routes that this node's proxy serves. Empty until the proxy exists.
CREATE TABLE edge_routes (
  hostname         TEXT PRIMARY KEY,         -- the public name
  backend_hostname TEXT NOT NULL,            -- the internal name that the backend's certificate must carry
  backend_port     INTEGER NOT NULL,
  backend_addresses TEXT NOT NULL,           -- comma separated; dialled as stored, never resolved
  cert_serial      TEXT NOT NULL DEFAULT '',
  cert_expires     TEXT NOT NULL DEFAULT ''
) STRICT;

-- ── The journal: how far each change got ────────────────────────────────────────────────────────────────────────────────

-- One row for each accepted change, committed before its first outside effect. Open rows are finished or put back at start.
CREATE TABLE operations (
  id              TEXT PRIMARY KEY,          -- chosen by the caller; also the idempotency key
  kind            TEXT NOT NULL,             -- 'deploy', 'undeploy', 'stop', 'start', 'restart', 'adopt', 'purge', 'push', 'accept-data', 'purge-data',
                                             -- 'import', 'revert-import', 'set-aside', 'take-back', 'drill'
  service         TEXT NOT NULL,
  principal       TEXT NOT NULL,             -- who asked
  request_key     TEXT NOT NULL,             -- SHA-256 of the request: the same id with another request is refused
  direct          INTEGER NOT NULL,          -- 1: asked without the master, to be reported to it
  request         BLOB NOT NULL,             -- the request's message: what a killed stop or undeploy is finished by
  state           TEXT NOT NULL,             -- 'running', 'succeeded', 'failed', 'put-back'
  step            TEXT NOT NULL DEFAULT '',  -- where it is, or where it ended
  started         TEXT NOT NULL,
  ended           TEXT NOT NULL DEFAULT '',
  error           BLOB,                      -- ErrorDetail
  error_code      TEXT NOT NULL DEFAULT '',  -- FaultCode by name
  result          BLOB                       -- the answer's message, for a repeated call
) STRICT;
CREATE INDEX operations_open ON operations(state) WHERE state = 'running';
CREATE INDEX operations_by_time ON operations(started);

-- Steps of an operation that ended.
CREATE TABLE operation_steps (
  operation       TEXT NOT NULL REFERENCES operations(id) ON DELETE CASCADE,
  ordinal         INTEGER NOT NULL,
  step            TEXT NOT NULL,
  success         INTEGER NOT NULL,
  skipped         INTEGER NOT NULL,
  error           TEXT NOT NULL,             -- why it failed or was skipped
  millis          INTEGER NOT NULL,
  PRIMARY KEY (operation, ordinal)
) STRICT;

-- What a deploy is about to do, beside its operation row.
CREATE TABLE deployments (
  operation       TEXT PRIMARY KEY REFERENCES operations(id) ON DELETE CASCADE,
  generation      INTEGER NOT NULL,          -- the number its containers carry
  old_spec        BLOB,                      -- what ran before; null: the first deploy
  new_spec        BLOB NOT NULL,
  committed       INTEGER NOT NULL DEFAULT 0, -- 1: the registry holds the new generation; from here only forward
  made_network    INTEGER NOT NULL DEFAULT 0, -- 1: the put-back removes the service's network
  made_data       INTEGER NOT NULL DEFAULT 0  -- 1: the data folder was first made by this deploy
) STRICT;

-- One row for each component that a deploy touches, written before podman is asked for anything.
CREATE TABLE deployment_components (
  operation       TEXT NOT NULL REFERENCES deployments(operation) ON DELETE CASCADE,
  ordinal         INTEGER NOT NULL,          -- the order of doing; put-back goes in reverse
  component       TEXT NOT NULL,
  action          TEXT NOT NULL,             -- 'create', 'replace', 'remove', 'start', 'keep', 'stop'
  container_name  TEXT NOT NULL,
  old_id          TEXT NOT NULL DEFAULT '',  -- the container that ran before
  old_running     INTEGER NOT NULL DEFAULT 0, -- whether put-back starts it again
  new_id          TEXT NOT NULL DEFAULT '',  -- written after create; before that it is found by the label mcp.operation
  spec_hash       TEXT NOT NULL DEFAULT '',
  made_of         TEXT NOT NULL DEFAULT '',
  image_reference TEXT NOT NULL DEFAULT '',
  image_digest    TEXT NOT NULL DEFAULT '',
  image_id        TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (operation, component)
) STRICT;

-- A service's data folder that is replaced, set aside or taken back as a whole, beside its operation row. Places are named from .mcp on:
-- 'staging/NAME', 'aside/NAME'. Written before the first rename; from the phase 'placing' on only forward, whatever happens.
CREATE TABLE data_swaps (
  operation       TEXT PRIMARY KEY REFERENCES operations(id) ON DELETE CASCADE,
  service         TEXT NOT NULL,
  phase           TEXT NOT NULL,             -- 'preparing', 'placing', 'placed', 'taken-back'
  incoming        TEXT NOT NULL,             -- what becomes the data; empty: nothing does
  incoming_inode  INTEGER NOT NULL DEFAULT 0, -- its inode, by which it is known again wherever a kill left it
  outgoing        TEXT NOT NULL DEFAULT '',  -- where the data that is here goes; empty: there is none
  bytes           INTEGER NOT NULL DEFAULT 0, -- of the files that an import brings
  volume_id       TEXT NOT NULL DEFAULT '',  -- the data record afterwards; empty: there is none
  epoch           INTEGER NOT NULL DEFAULT 0,
  spec            BLOB,                      -- ServiceSpec
  before_volume   TEXT,                      -- the data record before; NULL: there was none
  before_epoch    INTEGER,
  before_state    TEXT,
  before_node     TEXT,                      -- where a superseded one is owned
  before_superseded INTEGER,
  before_spec     BLOB
) STRICT;

-- ── Seen and told: not wishes ───────────────────────────────────────────────────────────────────────────────────────────

-- What happened on this node: deploys, exits, drift, denials, reads of secrets (the audit), in order.
CREATE TABLE events (
  id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: a watcher resumes after the last it saw
  at              TEXT NOT NULL,
  service         TEXT NOT NULL DEFAULT '',
  component       TEXT NOT NULL DEFAULT '',
  kind            TEXT NOT NULL,             -- 'deployed', 'exited', 'drift', 'denied', 'call', …
  severity        TEXT NOT NULL,             -- 'info', 'warning', 'error'
  message         TEXT NOT NULL,
  principal       TEXT NOT NULL DEFAULT '',
  operation       TEXT NOT NULL DEFAULT '',
  direct          INTEGER NOT NULL DEFAULT 0 -- 1: an action without the master, sent on to it (state key reported-events)
) STRICT;
CREATE INDEX events_by_time ON events(at);
CREATE INDEX events_direct ON events(id) WHERE direct = 1;

-- What is the matter and what of it was told to the alert command; kept over a restart, so that nothing is told twice and every end is told.
CREATE TABLE alerts (
  kind        TEXT NOT NULL,                 -- of the list in docs/operations.md
  node        TEXT NOT NULL,
  service     TEXT NOT NULL,                 -- empty: the node as a whole
  component   TEXT NOT NULL,                 -- empty: the service as a whole
  severity    TEXT NOT NULL,
  message     TEXT NOT NULL,                 -- as it was when it began
  command     TEXT NOT NULL,                 -- what resolves it
  since       TEXT NOT NULL,
  open        INTEGER NOT NULL,              -- 1: it is so now
  once        INTEGER NOT NULL,              -- 1: it happened and has no end
  owed        INTEGER NOT NULL,              -- 1: its beginning is still to be told, even if it is over
  told        INTEGER NOT NULL,              -- 1: its beginning was told, its end not yet
  sent_at     TEXT NOT NULL DEFAULT '',      -- when a beginning was last told; the cooldown counts from here
  suppressed  INTEGER NOT NULL DEFAULT 0,    -- how often it was not told since
  PRIMARY KEY (kind, node, service, component)
) STRICT;

-- Single values: term (highest seen), master-address, zone, revocation-revision, reported-events (last id the master has),
-- master-contact (last answered heartbeat).
CREATE TABLE state (
  key             TEXT PRIMARY KEY,
  value           TEXT NOT NULL
) STRICT;

-- Principals and certificate serials that are no longer honoured, as the master's last answer had them.
CREATE TABLE revocations (
  entry           TEXT PRIMARY KEY           -- 'human/alice', 'agent/orion' or a serial number in hex
) STRICT;

-- People and their roles, as the master's last answer had them; what --direct is judged by.
CREATE TABLE operators (
  name            TEXT PRIMARY KEY,
  role            TEXT NOT NULL,             -- 'admin', 'deploy', 'read'
  services        TEXT NOT NULL              -- comma separated; empty: all
) STRICT;
