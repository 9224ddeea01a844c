#!/bin/bash
# Builds out/mcp: one static file that needs nothing on the node, and proves that it is one. Debug symbols go to out-symbols/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. packaging/deps.sh
deps_require build

# Keep the limit honest: the file is streamed to nodes over slow links, and its size is read as a promise.
maximum_bytes=$((30 * 1000 * 1000))

fail() { echo "build: $*" >&2; exit 1; }

# Built natively on either; a cross build would need the other's C library and could not prove the file in an empty root.
case $(uname -m) in
  x86_64) rid=linux-x64 ;;
  aarch64) rid=linux-arm64 ;;
  *) fail "a static file is made for x86_64 and aarch64; this machine is $(uname -m), for which .NET has no native compiler" ;;
esac

sqlite=$(packaging/sqlite/build.sh)
native=$(packaging/native/build.sh)

# Published into a folder of its own first: nothing unchecked ever stands in out/.
stage=$root/obj/static-file
log=$root/obj/static-file.log
rm -rf "$stage"
mkdir -p "$root/obj"
# The native compiler is not run again for a change of this file alone.
find src/mcp/obj -name mcp.o ! -newer packaging/unused.xml -delete 2>/dev/null || true
# The analyzers judge the same source in every ordinary build; here they would only take most of a minute.
echo "build: publishing (a minute or two; log in obj/static-file.log)"
if ! dotnet publish src/mcp/mcp.csproj -c Release -r "$rid" --self-contained -nologo -v minimal \
  -p:RunAnalyzers=false -p:StaticFile=true "-p:SqliteArchive=$sqlite" "-p:NativeParts=$native" -o "$stage" >"$log" 2>&1; then
  grep -E 'error|warning' "$log" | sort -u >&2 || tail -n 40 "$log" >&2
  fail "dotnet publish failed (whole log: obj/static-file.log)"
fi
# Warnings are errors already; this net also catches those that come as text from the linker or the compiler of the OpenSSL shim.
if grep -E '(warning|error) [A-Z]+[0-9]+|: warning:' "$log" | sort -u | grep . >&2; then
  fail "the publish printed warnings"
fi

file=$stage/mcp
[ -f "$file" ] || fail "dotnet publish made no file named mcp"
beside=$(find "$stage" -mindepth 1 ! -name mcp -printf '%P\n')
[ -z "$beside" ] || fail "files beside mcp, so it is not one file: $beside"

header=$(readelf --wide --file-header --program-headers --dynamic --section-headers "$file")
has() { grep -qE "$1" <<<"$header"; }
has 'Type: +DYN' || fail "not position-independent"
! has '^ *INTERP' || fail "it names a program interpreter, so it is not static"
! has '\(NEEDED\)' || fail "it needs shared libraries: $(grep -E '\(NEEDED\)' <<<"$header")"
! has ' \.(debug_info|symtab) ' || fail "it is not stripped"
bytes=$(stat -c %s "$file")
[ "$bytes" -le "$maximum_bytes" ] || fail "it has $bytes bytes, at most $maximum_bytes are allowed"

packaging/empty-root-check.sh "$file" || fail "it does not run in an empty root"

mkdir -p out out-symbols
cp src/mcp/bin/Release/net10.0/$rid/native/mcp.dbg out-symbols/mcp.dbg || fail "no debug symbols were made"
# Rename over the old one: a process that runs the old file keeps it, and nobody sees half a file.
cp "$file" out/.mcp.new && mv -f out/.mcp.new out/mcp
echo "build: out/mcp, $bytes bytes, $(out/mcp --version)"
