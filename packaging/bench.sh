#!/bin/bash
# The figures of docs/benchmarks.md: builds the static file if it is not there, and measures it.
#   bench.sh [RUNS]              beside podman in one run, 15 runs of each pair if none is named
#   bench.sh --scale [NODES...]  one master under 10, 50, 100 and 1000 simulated agents with ten services each, then under 16 real agents on
#                                simulated runtimes; needs no podman, takes some ten minutes, and wants the machine for itself
#   bench.sh --data [SIZE]       archives, migrations, snapshots and restores beside tar, zstd, ssh, rsync, restic and borg over the same data;
#                                SIZE 1, the default, means 1 GB of small files, 1 GB of blobs and a 2 GB database (50 GB of disk, root, some
#                                twenty minutes); 0.1 is enough to see that it runs
#   bench.sh --archive [SIZE [PAIRS]]  archives to a file and back beside tar and zstd, in turn, three pairs of each; no podman
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. packaging/deps.sh
if [ "${1:-}" = --scale ]; then
  deps_require build
elif [ "${1:-}" = --archive ]; then
  deps_require build bench-data
else
  . packaging/podman.sh
  deps_require build podman busybox
  [ "${1:-}" != --data ] || deps_require bench-data
fi
[ -x out/mcp ] || packaging/build.sh
if [ "${1:-}" = --scale ]; then
  # A connection each way for every agent, in one process on each side.
  ulimit -n "$(ulimit -Hn)"
elif [ "${1:-}" != --archive ]; then
  podman_ready
fi
dotnet build tests/benchmarks -c Release -v quiet -nologo
if [ "${1:-}" = --data ]; then
  # A network of its own: what is counted on its loopback is of this run alone.
  exec unshare --net sh -c 'ip link set lo up && exec "$@"' sh tests/benchmarks/bin/Release/net10.0/benchmarks "$@"
fi
exec dotnet run --project tests/benchmarks -c Release --no-build -- "$@"
