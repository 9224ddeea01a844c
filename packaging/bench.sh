#!/bin/bash
# The figures of docs/benchmarks.md: builds the static file if it is not there, and measures it beside podman in one run.
#   bench.sh [RUNS]      15 runs of each pair if none is named
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. packaging/deps.sh
. packaging/podman.sh
deps_require build podman busybox
[ -x out/mcp ] || packaging/build.sh
podman_ready
dotnet build tests/benchmarks -c Release -v quiet -nologo
exec dotnet run --project tests/benchmarks -c Release --no-build -- "$@"
