-- The master's database, master.db: what the fleet is meant to be (desired) apart from what was merely seen (observed).
-- An operator with `sqlite3 -readonly master.db` should be able to answer "why is this here?" from the comments below.
-- Times are RFC 3339 UTC text; hashes are lower-case hex SHA-256; `spec`, `images`, `ports`, `error`, `steps` are
-- protobuf bytes of the messages of proto/mcp/v1/spec.proto; lists of words are separated by single spaces.

-- ---------------------------------------------------------------- the fleet itself

CREATE TABLE fleet (
  id                   INTEGER PRIMARY KEY CHECK (id = 1), -- there is one fleet a database
  name                 TEXT NOT NULL,                      -- what people call it; shown, never part of an identity
  domain               TEXT NOT NULL,                      -- trust domain of every identity and base of names; never changes
  zone                 TEXT NOT NULL,                      -- internal names of services lie under it
  address              TEXT NOT NULL,                      -- host:port that joiners and agents are told to dial
  root_sha256          TEXT NOT NULL,                      -- the root certificate's hash, which every join token carries
  term                 INTEGER NOT NULL DEFAULT 1,         -- counts the lives of the master; raised by `mcp master restore`
  revocation_revision  INTEGER NOT NULL DEFAULT 1,         -- moves whenever revocations or operators change; agents hold a copy
  created_at           TEXT NOT NULL                       -- when `mcp master init` made it
) STRICT;

-- ---------------------------------------------------------------- nodes

-- Desired: the allowlist. A node that has no row here, or is removed, may not speak to the master.
CREATE TABLE nodes (
  name        TEXT PRIMARY KEY,              -- the node's name, also that of its agent's identity
  role        TEXT NOT NULL CHECK (role IN ('master', 'worker', 'edge')), -- decides what may be placed there
  address     TEXT NOT NULL DEFAULT '',      -- host:port of its agent; empty until it joins
  fixed       INTEGER NOT NULL DEFAULT 0,    -- 1: the operator gave the address; what the agent says is not taken
  cordoned    INTEGER NOT NULL DEFAULT 0,    -- 1: gets no new services
  added_at    TEXT NOT NULL,                 -- when it was allowed
  added_by    TEXT NOT NULL,                 -- the principal who allowed it
  joined_at   TEXT,                          -- when the master first called its agent back; null: not joined yet
  arch        TEXT NOT NULL DEFAULT '',      -- as it said at Register, "x64" or "arm64"
  version     TEXT NOT NULL DEFAULT '',      -- of its agent, as it said at Register
  features    TEXT NOT NULL DEFAULT ''       -- what its agent can do, as it said at Register
) STRICT;

-- A master that was restored from a copy of this database: the nodes that it has not heard since. While there is a row, nothing is changed.
CREATE TABLE recovery (
  node   TEXT PRIMARY KEY REFERENCES nodes (name) ON DELETE CASCADE,
  since  TEXT NOT NULL                       -- when the master was restored
) STRICT;

-- Observed: the last heartbeat of each node. Losing this table loses nothing but figures.
CREATE TABLE node_observations (
  node             TEXT PRIMARY KEY REFERENCES nodes (name) ON DELETE CASCADE,
  registered_at    TEXT,                         -- the last accepted Register
  heartbeat_at     TEXT,                         -- the last accepted Heartbeat
  key_sha256       TEXT NOT NULL DEFAULT '',     -- the key that registered last
  cpu_millicores   INTEGER NOT NULL DEFAULT 0,   -- in use, thousandths of a core
  memory_bytes     INTEGER NOT NULL DEFAULT 0,   -- in use
  disk_bytes       INTEGER NOT NULL DEFAULT 0,   -- free on the data file system
  containers       INTEGER NOT NULL DEFAULT 0,   -- running there, managed or not
  services         INTEGER NOT NULL DEFAULT 0    -- in its agent's registry
) STRICT;

-- Observed: what each agent said at Register that it holds, for findings and for `superseded`.
CREATE TABLE reported_services (
  node        TEXT NOT NULL REFERENCES nodes (name) ON DELETE CASCADE,
  service     TEXT NOT NULL,                 -- by the agent's registry
  epoch       INTEGER NOT NULL,              -- of the data there
  volume_id   TEXT NOT NULL DEFAULT '',      -- of the data there
  generation  INTEGER NOT NULL DEFAULT 0,    -- deployed there
  running     INTEGER NOT NULL,              -- 1: at least one container ran
  PRIMARY KEY (node, service)
) STRICT;

-- ---------------------------------------------------------------- services

-- Desired: which node runs a service. 'pending' is committed before the first call to the agent, 'placed' right after its
-- deploy succeeded, in one transaction with the spec, the digests and the generation.
CREATE TABLE placements (
  service      TEXT PRIMARY KEY,
  node         TEXT NOT NULL REFERENCES nodes (name), -- where; changes only by a migration
  state        TEXT NOT NULL CHECK (state IN ('pending', 'placed')),
  spec         BLOB NOT NULL,                -- ServiceSpec: the current one; of a pending row the one being deployed
  spec_hash    TEXT NOT NULL,                -- of the spec
  images       BLOB NOT NULL,                -- GenerationRecord whose `images` pin every component by digest
  ports        BLOB NOT NULL,                -- AgentDeployResult whose `ports` are the host ports the agent chose
  generation   INTEGER NOT NULL DEFAULT 0,   -- the agent's number; 0 while pending
  epoch        INTEGER NOT NULL,             -- of the data this placement owns
  volume_id    TEXT NOT NULL,                -- of the data this placement owns
  principal    TEXT NOT NULL,                -- who deployed it last
  at           TEXT NOT NULL,                -- when it was deployed last
  operation    TEXT NOT NULL                 -- the operation that wrote this row
) STRICT;
CREATE INDEX placements_node ON placements (node);

-- Desired: the container hashes of the current generation, one row a component.
CREATE TABLE placement_components (
  service    TEXT NOT NULL REFERENCES placements (service) ON DELETE CASCADE,
  component  TEXT NOT NULL,
  spec_hash  TEXT NOT NULL,                  -- over what the container is made of, see SpecHash
  image      TEXT NOT NULL,                  -- the reference as written
  digest     TEXT NOT NULL,                  -- what it was resolved to; every later pull is by this
  PRIMARY KEY (service, component)
) STRICT;

-- History: the last ten generations of a service, also after its undeploy.
CREATE TABLE generations (
  service     TEXT NOT NULL,
  generation  INTEGER NOT NULL,              -- counts up from 1, by the agent
  record      BLOB NOT NULL,                 -- GenerationRecord: spec, images, who, when, node
  PRIMARY KEY (service, generation)
) STRICT;

-- Desired: which node holds which data of a service. Outlives undeploy; only `mcp data purge` ends it.
CREATE TABLE data_records (
  service    TEXT NOT NULL,
  node       TEXT NOT NULL,                  -- no reference: the record outlives a lost node
  volume_id  TEXT NOT NULL,                  -- names one incarnation of the data for ever
  epoch      INTEGER NOT NULL,               -- counts its moves; the higher one owns
  state      TEXT NOT NULL CHECK (state IN ('current', 'aside', 'staging')),
  bytes      INTEGER NOT NULL DEFAULT 0,     -- as last reported; 0: not known
  spec       BLOB NOT NULL,                  -- ServiceSpec that last ran on it
  updated    TEXT NOT NULL,
  PRIMARY KEY (service, node, volume_id)
) STRICT;
-- A service has one current data; two would be two truths.
CREATE UNIQUE INDEX data_current ON data_records (service) WHERE state = 'current';

-- Desired: a hostname on a listener belongs to one service fleet-wide, from its deploy to its undeploy.
CREATE TABLE hostnames (
  hostname   TEXT NOT NULL,                  -- the internal name or the public one
  listener   INTEGER NOT NULL,               -- the proxy's port
  service    TEXT NOT NULL,                  -- the owner
  component  TEXT NOT NULL,
  route      TEXT NOT NULL,
  public     INTEGER NOT NULL,               -- 1: also wanted on an edge
  PRIMARY KEY (hostname, listener)
) STRICT;
CREATE INDEX hostnames_service ON hostnames (service);

-- ---------------------------------------------------------------- operations

-- The journal: a row is committed before anything is done, and ends in succeeded, failed or put-back.
CREATE TABLE operations (
  id           TEXT PRIMARY KEY,             -- chosen by the caller; the idempotency key
  kind         TEXT NOT NULL,                -- "deploy", "undeploy", "start", "stop", "restart", …
  service      TEXT NOT NULL DEFAULT '',
  node         TEXT NOT NULL DEFAULT '',     -- where it acts, once that is decided
  principal    TEXT NOT NULL,                -- who asked
  request_key  TEXT NOT NULL,                -- hash of the request: the same id with another request is refused
  request      BLOB NOT NULL,                -- the request itself, to finish it after a kill
  state        TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'put-back')),
  step         TEXT NOT NULL DEFAULT '',     -- the step it is in or ended in
  called       INTEGER NOT NULL DEFAULT 0,   -- 1: the agent may have got the call; only it knows what happened
  started      TEXT NOT NULL,
  ended        TEXT,
  response     BLOB,                         -- the answer, given again to a repeated id
  error        BLOB,                         -- ErrorDetail of a failure
  error_code   INTEGER NOT NULL DEFAULT 0,   -- FaultCode of a failure
  steps        BLOB                          -- Operation whose `steps` are the results so far
) STRICT;
CREATE INDEX operations_open ON operations (state) WHERE state = 'running';
CREATE INDEX operations_service ON operations (service, started);
CREATE INDEX operations_ended ON operations (ended);

-- ---------------------------------------------------------------- identity

-- Desired: the people. A removed one stays as 'revoked' so that the audit keeps its meaning.
CREATE TABLE operators (
  name         TEXT PRIMARY KEY,
  role         TEXT NOT NULL CHECK (role IN ('admin', 'deploy', 'read')),
  services     TEXT NOT NULL DEFAULT '',     -- deploy: these services only; empty: all
  state        TEXT NOT NULL CHECK (state IN ('invited', 'active', 'revoked')),
  added_at     TEXT NOT NULL,
  added_by     TEXT NOT NULL,
  last_seen    TEXT                          -- observed: the last call, to the minute
) STRICT;

-- Invitations: who may become a principal with one key. Only the hash of the secret is here.
CREATE TABLE join_tokens (
  token_sha256  TEXT PRIMARY KEY,            -- of the whole token text
  kind          TEXT NOT NULL CHECK (kind IN ('human', 'agent')),
  name          TEXT NOT NULL,               -- the principal's name
  role          TEXT NOT NULL,               -- of the node or of the person
  created_at    TEXT NOT NULL,
  created_by    TEXT NOT NULL,
  expires_at    TEXT NOT NULL,               -- an hour after its making
  key_sha256    TEXT,                        -- of the CSR that used it first; another key is refused from then on
  response      BLOB                         -- JoinResponse, given again to the same key until the token expires
) STRICT;

-- Keys that the master vouched for, by principal. RenewIdentity is for these alone.
CREATE TABLE known_keys (
  principal      TEXT NOT NULL,              -- "agent/orion"
  key_sha256     TEXT NOT NULL,              -- of the SubjectPublicKeyInfo
  state          TEXT NOT NULL CHECK (state IN ('current', 'new', 'retired')), -- 'new' until first seen, which retires the others
  chain_started  TEXT NOT NULL,              -- the join or login; a human's renewals end 180 days after it
  PRIMARY KEY (principal, key_sha256)
) STRICT;

-- Every certificate that was issued, for `mcp cert list` and for revocation by serial number.
CREATE TABLE certificates (
  serial      TEXT PRIMARY KEY,              -- lower-case hex
  subject     TEXT NOT NULL,                 -- identity URI, or DNS names separated by commas
  kind        TEXT NOT NULL CHECK (kind IN ('identity', 'internal', 'public', 'ca')),
  source      TEXT NOT NULL DEFAULT 'embedded',
  principal   TEXT NOT NULL DEFAULT '',      -- whose it is
  key_sha256  TEXT NOT NULL,
  not_before  TEXT NOT NULL,
  not_after   TEXT NOT NULL
) STRICT;
CREATE INDEX certificates_principal ON certificates (principal, not_after);

-- Who may no longer call. Rows are never removed: a certificate may still be about.
CREATE TABLE revocations (
  subject   TEXT PRIMARY KEY,                -- "human/alice", "agent/orion", or a serial number in hex
  revision  INTEGER NOT NULL,                -- fleet.revocation_revision when it was added
  at        TEXT NOT NULL,
  by        TEXT NOT NULL,
  reason    TEXT NOT NULL,
  lifted_at TEXT                             -- the name was added again; certificates from before stay refused by serial
) STRICT;

-- ---------------------------------------------------------------- audit, events, findings

-- Who did what, when, from where, with which outcome. Kept a year.
CREATE TABLE audit (
  id         INTEGER PRIMARY KEY,
  at         TEXT NOT NULL,
  principal  TEXT NOT NULL,                  -- "human/alice", or "-" for a caller without identity
  peer       TEXT NOT NULL,                  -- address and port, or the Unix socket
  method     TEXT NOT NULL,
  node       TEXT NOT NULL DEFAULT '',
  service    TEXT NOT NULL DEFAULT '',
  operation  TEXT NOT NULL DEFAULT '',
  outcome    TEXT NOT NULL,                  -- "ok", or the gRPC status of the refusal
  detail     TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX audit_at ON audit (at);

-- What happened, for `mcp events`. Kept 30 days.
CREATE TABLE events (
  id         INTEGER PRIMARY KEY,            -- a reader resumes after the last one it saw
  at         TEXT NOT NULL,
  node       TEXT NOT NULL DEFAULT '',
  service    TEXT NOT NULL DEFAULT '',
  component  TEXT NOT NULL DEFAULT '',
  kind       TEXT NOT NULL,
  severity   TEXT NOT NULL,
  message    TEXT NOT NULL,
  principal  TEXT NOT NULL DEFAULT '',
  operation  TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX events_at ON events (at);

-- The last event of each agent that is in `events` (or was the master's own already): where its line goes on after a gap.
CREATE TABLE event_cursors (
  node  TEXT PRIMARY KEY,
  last  INTEGER NOT NULL,                    -- the agent's id
  at    TEXT NOT NULL                        -- the agent's time of it, as the agent writes it: another one there means a restored registry
) STRICT;

-- The highest event of each node that was handed in by ReportActions, so that none is stored twice.
CREATE TABLE reported_actions (
  node  TEXT PRIMARY KEY,
  last  INTEGER NOT NULL
) STRICT;

-- The findings that are open. A row is written when one opens and removed when its end was told, each with its event in the same transaction,
-- so that a restart opens nothing twice.
CREATE TABLE findings (
  kind      TEXT NOT NULL,                   -- "cloned identity", "join token reused", "master behind", …
  node      TEXT NOT NULL DEFAULT '',
  service   TEXT NOT NULL DEFAULT '',
  severity  TEXT NOT NULL,
  message   TEXT NOT NULL,
  command   TEXT NOT NULL,                   -- what resolves it
  since     TEXT NOT NULL,                   -- when it opened
  noticed   INTEGER NOT NULL,                -- 1: noticed once, closed by whoever resolves it; 0: computed at each look
  seen      TEXT NOT NULL,                   -- when it was last noticed or got other words
  told      INTEGER NOT NULL,                -- 1: its opening is among the events
  over      INTEGER NOT NULL,                -- 1: resolved, and that is still to be told
  PRIMARY KEY (kind, node, service)
) STRICT;

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

-- ---------------------------------------------------------------- laid for what comes next

-- Desired and journal: public hostnames on edge nodes. 'pending' is written before the edge is called.
CREATE TABLE edge_routes (
  hostname          TEXT PRIMARY KEY,        -- the public name
  service           TEXT NOT NULL,
  route             TEXT NOT NULL,
  edge_node         TEXT NOT NULL,
  backend_hostname  TEXT NOT NULL,           -- the internal name that the edge demands of the backend
  backend_port      INTEGER NOT NULL,        -- the listener on the service's node
  state             TEXT NOT NULL CHECK (state IN ('pending', 'active', 'removing')),
  cert_expires      TEXT NOT NULL DEFAULT '' -- as the edge last said
) STRICT;

-- The archives in the snapshot folder; the folder's .json files say the same, should this table be lost.
CREATE TABLE snapshots (
  id           INTEGER PRIMARY KEY AUTOINCREMENT, -- what people type; never given twice, and the order in which they were made
  service      TEXT NOT NULL,                -- or "mcp-agent/<node>", "mcp-proxy/<node>", "mcp-master": also the folder
  filename     TEXT NOT NULL,                -- made by the master, never taken from anybody
  node         TEXT NOT NULL,                -- where the data was taken
  epoch        INTEGER NOT NULL,
  size_bytes   INTEGER NOT NULL,             -- of the file
  sha256       TEXT NOT NULL,                -- of the uncompressed tar
  file_sha256  TEXT NOT NULL,                -- of the file
  data_bytes   INTEGER NOT NULL,             -- of the uncompressed tar
  entries      INTEGER NOT NULL,
  created_at   TEXT NOT NULL,
  manual       INTEGER NOT NULL,             -- 1: never pruned by age
  partial      INTEGER NOT NULL,             -- 1: files were left out, see `trailer`
  trailer      BLOB NOT NULL,                -- StreamTrailer: what was skipped, what changed meanwhile, the databases
  verified_at  TEXT,                         -- when every byte was last read
  damage       TEXT NOT NULL DEFAULT '',     -- what that found wrong; empty: nothing
  drilled_at   TEXT,                         -- when a restore of it was last proven
  UNIQUE (service, filename)
) STRICT;

-- How snapshots of each service go: what a schedule and findings need beyond the archives themselves.
CREATE TABLE snapshot_courses (
  service        TEXT PRIMARY KEY,           -- as in `snapshots`
  tried_at       TEXT,                       -- the last try
  failed         TEXT NOT NULL DEFAULT '',   -- why it failed; empty: it did not
  shrunk_from    TEXT NOT NULL DEFAULT '',   -- the archive of which a newer one has under half the size: nothing is pruned until a person has looked
  drill_tried_at TEXT,                       -- the last drill
  drill_failed   TEXT NOT NULL DEFAULT '',   -- why it failed; empty: it did not
  proven_at      TEXT                        -- the last drill that succeeded, of whichever snapshot
) STRICT;

-- The journal of restores in place: one row a restore that has begun to act, gone when it has ended.
CREATE TABLE restores (
  operation  TEXT PRIMARY KEY REFERENCES operations (id) ON DELETE CASCADE,
  service    TEXT NOT NULL,
  node       TEXT NOT NULL,
  filename   TEXT NOT NULL,                  -- which snapshot
  state      TEXT NOT NULL CHECK (state IN ('begun', 'imported', 'reverting')), -- 'reverting': it failed, and what was before comes back
  attempt    INTEGER NOT NULL DEFAULT 0,     -- counts the imports: each has an id of its own on the agent; 0: none was begun
  aside      TEXT NOT NULL DEFAULT '',       -- where the node keeps the data of before
  failure    BLOB                            -- of a reverting one: ErrorDetail of what failed
) STRICT;

-- The journal of moves: one row a migration, its state changes only forward or to 'undone'.
CREATE TABLE migrations_of_services (
  operation    TEXT PRIMARY KEY REFERENCES operations (id),
  service      TEXT NOT NULL,
  source       TEXT NOT NULL,
  target       TEXT NOT NULL,
  state        TEXT NOT NULL,                -- the last step of the contract that is done
  epoch        INTEGER NOT NULL,             -- of the data after the move
  held         INTEGER NOT NULL,             -- 1: the source is held stopped by this migration
  aside_until  TEXT,                         -- the source's copy is kept until then
  detail       BLOB
) STRICT;

-- ---------------------------------------------------------------- what changed

-- How often each of these tables changed. What a master keeps of one in memory holds while its number stands; moved in the same transaction.
CREATE TABLE table_revisions (
  name      TEXT PRIMARY KEY,                -- of the table
  revision  INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO table_revisions (name) VALUES ('placements'), ('data_records'), ('reported_services');

CREATE TRIGGER placements_added AFTER INSERT ON placements BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'placements'; END;
CREATE TRIGGER placements_changed AFTER UPDATE ON placements BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'placements'; END;
CREATE TRIGGER placements_removed AFTER DELETE ON placements BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'placements'; END;
CREATE TRIGGER data_records_added AFTER INSERT ON data_records BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'data_records'; END;
CREATE TRIGGER data_records_changed AFTER UPDATE ON data_records BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'data_records'; END;
CREATE TRIGGER data_records_removed AFTER DELETE ON data_records BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'data_records'; END;
CREATE TRIGGER reported_services_added AFTER INSERT ON reported_services BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'reported_services'; END;
CREATE TRIGGER reported_services_changed AFTER UPDATE ON reported_services BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'reported_services'; END;
CREATE TRIGGER reported_services_removed AFTER DELETE ON reported_services BEGIN UPDATE table_revisions SET revision = revision + 1 WHERE name = 'reported_services'; END;
