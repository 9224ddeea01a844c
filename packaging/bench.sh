#!/bin/bash
# The figures of docs/benchmarks.md: builds the static file if it is not there, and measures it.
#   bench.sh [RUNS]              beside podman in one run, 15 runs of each pair if none is named
#   bench.sh --scale [NODES...]  one master under 10, 50, 100 and 1000 simulated agents with ten services each, then under 16 real agents on
#                                simulated runtimes; needs no podman, takes some ten minutes, and wants the machine for itself
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. packaging/deps.sh
if [ "${1:-}" = --scale ]; then
  deps_require build
else
  . packaging/podman.sh
  deps_require build podman busybox
fi
[ -x out/mcp ] || packaging/build.sh
if [ "${1:-}" = --scale ]; then
  # A connection each way for every agent, in one process on each side.
  ulimit -n "$(ulimit -Hn)"
else
  podman_ready
fi
dotnet build tests/benchmarks -c Release -v quiet -nologo
exec dotnet run --project tests/benchmarks -c Release --no-build -- "$@"
