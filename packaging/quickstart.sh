#!/bin/bash
# From a bare machine to an answer: installs what is missing, builds the one file, starts a fleet of one node on loopback, deploys
# examples/hello and asks it over HTTP. The fleet stays up afterwards, to be tried out; --stop takes it down again at the end.
#   packaging/quickstart.sh [--dir DIR] [--as NAME] [--stop]
# DIR is ~/mcp-quickstart if not given; everything that is made is below it. NAME is what the service is called, if hello is taken.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/packaging/deps.sh"
. "$root/packaging/podman.sh"

dir=$HOME/mcp-quickstart service=hello stop=false
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=${2:?--dir needs a folder}; shift 2 ;;
    --as) service=${2:?--as needs a name}; shift 2 ;;
    --stop) stop=true; shift ;;
    *) echo "usage: packaging/quickstart.sh [--dir DIR] [--as NAME] [--stop]" >&2; exit 1 ;;
  esac
done

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n== %s\n' "$*"; }
# Shows what is typed, then does it.
run() { printf '$ %s\n' "$*"; "$@"; }

say "what is missing is installed"
deps_require build podman busybox curl
podman_ready

if [ -z "${MCP_BINARY:-}" ]; then
  say "the one file is built"
  "$root/packaging/build.sh"
  MCP_BINARY=$root/out/mcp
fi
mcp() { "$MCP_BINARY" "$@"; }

say "the image of the example is made"
"$root/examples/hello/image.sh"

say "a fleet of one node is started in $dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -f "$dir/dev.pid" ] && kill -0 "$(cat "$dir/dev.pid")" 2>/dev/null; then
  echo "it runs already (process $(cat "$dir/dev.pid"))"
else
  # Its own session: it outlives this script and its terminal. What it prints is kept in dev.log.
  setsid "$MCP_BINARY" dev --dir "$dir/fleet" >"$dir/dev.log" 2>&1 </dev/null &
  echo $! >"$dir/dev.pid"
fi
pid=$(cat "$dir/dev.pid")

ended() {
  local rc=$?
  if [ $rc -ne 0 ]; then
    printf '\nquickstart: did not get to its end. The fleet printed (%s):\n' "$dir/dev.log" >&2
    tail -n 25 "$dir/dev.log" >&2 || true
  fi
  if $stop || [ $rc -ne 0 ]; then
    # Not INT: a shell without job control starts its background programs with that one ignored.
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    rm -f "$dir/dev.pid"
  fi
}
trap ended EXIT

export MCP_CONFIG_DIR=$dir/fleet/cli
for attempt in $(seq 300); do
  kill -0 "$pid" 2>/dev/null || { echo "quickstart: mcp dev has ended" >&2; exit 1; }
  [ -f "$MCP_CONFIG_DIR/mcp.toml" ] && mcp node list --json 2>/dev/null | grep -q '"healthy"' && break
  [ "$attempt" -lt 300 ] || { echo "quickstart: the fleet was not ready within a minute" >&2; exit 1; }
  sleep 0.2
done
echo "export MCP_CONFIG_DIR=$MCP_CONFIG_DIR"

say "the example is deployed"
definition=$root/examples/hello/hello.toml
if [ "$service" != hello ]; then
  sed -e "s/^\(name *= \)\"hello\"/\1\"$service\"/" -e "s#/srv/hello:#/srv/$service:#" "$definition" >"$dir/$service.toml"
  definition=$dir/$service.toml
fi
run mcp deploy "$service" -f "$definition"

say "it answers"
# The proxy that will give it a name and a certificate does not exist yet: the host port that the agent keeps for the route is asked.
port=$(podman port "$service" | sed -n 's/.*-> 127\.0\.0\.1:\([0-9]*\)$/\1/p' | head -n 1)
[ -n "$port" ] || { echo "quickstart: $service publishes no port" >&2; podman ps -a >&2; exit 1; }
run curl -fsS --retry 10 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/"

say "what runs"
run mcp ps
run mcp status

if $stop; then
  say "and is taken down again"
  run mcp undeploy "$service" --yes
else
  say "go on"
  cat <<TEXT
export MCP_CONFIG_DIR=$MCP_CONFIG_DIR
alias mcp=$MCP_BINARY
  mcp logs $service
      what it printed
  mcp deploy $service -f $definition
      once more: nothing changes; edit the file first, and the container is replaced and the count stays
  mcp undeploy $service
      stops it; the data stays in $dir/fleet/srv/$service
  kill -TERM $pid
      ends the fleet; its containers keep running
TEXT
fi
