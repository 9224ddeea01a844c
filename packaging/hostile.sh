#!/bin/bash
# The table of docs/hostile-archives.md: what we, GNU tar, bsdtar and `podman volume import` do with every hostile archive of the tests. Needs root.
# The peers run where nothing but a file system of their own can be written to (tests/e2e/Data/peers.py). Some five minutes.
#   hostile.sh [FILE]   also writes the table to FILE
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
table=$(realpath -m "${1:-$root/obj/hostile-archives.md}")
cd "$root"
. packaging/deps.sh
. packaging/podman.sh
deps_require build podman busybox e2e
[ -x out/mcp ] || packaging/build.sh
podman_ready
mkdir -p "$(dirname "$table")"
dotnet build tests/e2e -v quiet -nologo
MCP_TABLE=$table exec tests/e2e/bin/Debug/net10.0/e2e --treenode-filter "/*/*/HostileImportTests/*" --output Detailed --progress off --no-ansi
