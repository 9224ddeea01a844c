#!/bin/bash
# Coverage-guided fuzzing of the archive reader for MINUTES (30 if none is named): two thirds of it tars, whose checksums are made right first, the rest compressed
# streams. What is judged is told in tests/hostile/Judge.cs. One core, niced. Ends with 1 when something was found, with the inputs in obj/fuzz/found; mended, they
# become files of tests/fuzz/found, which the fast tests judge again.
#   fuzz.sh [MINUTES]
# SharpFuzz (NuGet) makes the built assemblies tell their coverage; afl-fuzz (Debian's afl++) mutates. Seeds: our hostile archives and those of Go's own tests
# (Debian's golang-1.19-src, fetched and never installed; where it is not to be had, ours alone). What an earlier run found worth keeping is gone on with.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. packaging/deps.sh
minutes=${1:-30}
[[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] || { echo "usage: packaging/fuzz.sh [MINUTES]" >&2; exit 1; }
deps_require fuzz
work=$root/obj/fuzz
mkdir -p "$work"

dotnet build tests/fuzz -c Release -v quiet -nologo
[ -x "$work/tools/sharpfuzz" ] || dotnet tool install SharpFuzz.CommandLine --version 2.3.0 --tool-path "$work/tools" >/dev/null
plain=tests/fuzz/bin/Release/net10.0
rm -rf "$work/target" "$work/seeds"
cp -r "$plain" "$work/target"
for assembly in mcp.dll ZstdSharp.dll; do
  "$work/tools/sharpfuzz" "$work/target/$assembly"
done

"$plain/fuzz" seeds "$work/seeds"
if [ ! -d "$work/go" ]; then
  (cd "$work" && apt-get -q download golang-1.19-src >/dev/null 2>&1 && dpkg-deb -x golang-1.19-src_*.deb go && rm -f golang-1.19-src_*.deb) ||
    echo "fuzz: golang-1.19-src is not to be had here; going on with our own seeds" >&2
fi
while read -r seed; do
  cp "$seed" "$work/seeds/tar/go-$(basename "$seed")"
  zstd -q -1 --check -c "$seed" >"$work/seeds/stored/go-$(basename "$seed").zst"
done < <(find "$work/go" -path '*/archive/tar/testdata/*.tar' -size -64k 2>/dev/null)

export AFL_SKIP_BIN_CHECK=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_AUTORESUME=1 AFL_FORKSRV_INIT_TMOUT=60000
export DOTNET_TieredPGO=0 DOTNET_gcServer=0
fuzz() {
  local kind=$1 seconds=$2
  mkdir -p "$work/$kind"
  echo "fuzz: $kind, $seconds s, $(ls "$work/seeds/$kind" | wc -l) seeds" >&2
  nice -n 10 afl-fuzz -i "$work/seeds/$kind" -o "$work/$kind" -t 5000 -m none -V "$seconds" -- "$work/target/fuzz" "$kind" >"$work/$kind.log" 2>&1 ||
    { tail -n 20 "$work/$kind.log" >&2; echo "fuzz: afl-fuzz failed; all it said is in $work/$kind.log" >&2; return 1; }
}
fuzz tar $((minutes * 40))
fuzz stored $((minutes * 20))

rm -rf "$work/found"
mkdir -p "$work/found"
for kind in tar stored; do
  awk -F ' *: ' -v kind="$kind" '{ v[$1] = $2 } END {
    printf "%s: %d inputs in %d s (%s/s), %d kept, %s of the map covered, %d crashes, %d hangs\n",
      kind, v["execs_done"], v["run_time"], v["execs_per_sec"], v["corpus_count"], v["bitmap_cvg"], v["saved_crashes"], v["saved_hangs"] }' "$work/$kind/default/fuzzer_stats"
  for input in "$work/$kind"/default/crashes/id:* "$work/$kind"/default/hangs/id:*; do
    [ -e "$input" ] || continue
    found=$work/found/$kind-$(sha256sum <"$input" | cut -c1-12)
    cp "$input" "$found"
    timeout 20 "$plain/fuzz" replay "$kind" "$found" || true
  done
done
rm -rf /dev/shm/mcp-fuzz-*
[ -z "$(ls -A "$work/found")" ] || { echo "found: $(ls "$work/found" | wc -l) inputs in $work/found" >&2; exit 1; }
