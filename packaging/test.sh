#!/bin/bash
# Everything that must be so, from a bare machine with git and the .NET SDK: builds, fast tests, the static file, end-to-end tests.
#   test.sh            all of it
#   test.sh --fast     what needs no root, no podman and no static file
#   test.sh --long     all of it, the end-to-end tests with every crash point and every whole span (hours; docs/testing.md)
# The last line is always `N passed, N failed`; the exit code is 0 only if something passed and nothing failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
. packaging/deps.sh
. packaging/podman.sh

fast_only=false e2e_limit=3600
case ${1:-} in
  "") ;;
  --fast) fast_only=true ;;
  --long) export MCP_LONG_RUN=1; e2e_limit=21600 ;;
  *) echo "usage: packaging/test.sh [--fast|--long]" >&2; exit 1 ;;
esac

passed=0 failed=0 complaints=() skips=()
results=$root/obj/test-results
rm -rf "$results" && mkdir -p "$results"

finish() {
  local rc=$?
  trap - EXIT
  # Ended before its end: whatever it was, it is a failure.
  [ "${finished:-false}" = true ] || complain "the run ended early (exit code $rc)"
  [ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || complain "no test ran"
  echo
  for skip in "${skips[@]}"; do echo "SKIPPED: $skip"; done
  for complaint in "${complaints[@]}"; do echo "FAILED: $complaint"; done
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && exit 0
  exit 1
}
trap finish EXIT

complain() { complaints+=("$*"); failed=$((failed + 1)); }

stage() { printf '\n== %s (%s)\n' "$*" "$(date -u +%T)"; }

# A check without a test framework: it counts as one test.
check() {
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else complain "$name"; fi
}

# Runs one test project and takes the figures from its report; a run without a report is a failure, whatever it printed.
tests() {
  local name=$1 limit=$2 report log counters attribute value bad=0 good
  shift 2
  report=$results/$name.trx log=$results/$name.log
  timeout -k 60 "$limit" "$@" --progress off --no-ansi --output Detailed --report-trx --report-trx-filename "$name.trx" --results-directory "$results" </dev/null >"$log" 2>&1
  local rc=$?
  grep -v '^passed ' "$log"
  if [ ! -s "$report" ]; then
    # One that hangs keeps the whole run from its report: those that did not end are named.
    comm -23 <("$@" --list-tests --no-ansi | sed -n 's/^  \([A-Z]\)/\1/p' | sort) <(sed -nE 's/^(passed|failed|skipped) (.*) \([0-9hms ]+\)$/\2/p' "$log" | sort) | sed 's/^/did not end: /' | head -n 40
    complain "$name: no report was written (exit code $rc)"
    return
  fi
  counters=$(grep -o '<Counters [^>]*>' "$report" | head -n 1)
  good=$(sed -n 's/.* passed="\([0-9]*\)".*/\1/p' <<<"$counters")
  for attribute in failed error timeout aborted; do
    value=$(sed -n "s/.* $attribute=\"\([0-9]*\)\".*/\1/p" <<<"$counters")
    bad=$((bad + ${value:-0}))
  done
  # A test that cannot run on this machine is no failure, and must not pass for a success either: it is named, its reason stands above.
  while read -r skipped; do
    skips+=("$name: $skipped")
  done < <(grep -o '<UnitTestResult [^>]*outcome="NotExecuted"[^>]*>' "$report" | sed -n 's/.* testName="\([^"]*\)".*/\1/p')
  passed=$((passed + ${good:-0}))
  failed=$((failed + bad))
  # Named here too: whoever sees only the end of a long output must know what to look for.
  if [ "$bad" -ne 0 ]; then
    complaints+=("$name: $bad tests")
    while read -r line; do
      complaints+=("$name: ${line:0:400}")
    done < <(awk '/^failed /{ if (text) print text; text = $2; left = 6; next } /^(passed|skipped) / { left = 0 } left > 0 { gsub(/^ +/, " "); text = text $0; left-- } END { if (text) print text }' "$log" | head -n 10)
  fi
  if [ "${good:-0}" -eq 0 ] && [ "$bad" -eq 0 ]; then
    complain "$name: no test ran"
  elif [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
    complain "$name: the runner ended with exit code $rc"
  fi
}

shell_syntax() {
  local script rc=0
  while read -r script; do
    bash -n "$script" || rc=1
  done < <(git ls-files '*.sh' .ci/run)
  return $rc
}

stage "scripts"
check "shell syntax" shell_syntax

stage "build"
deps_require || exit 1
dotnet build mcp.slnx -nologo -v quiet || { complain "dotnet build"; finished=true; exit 1; }

stage "format"
check "dotnet format" dotnet format mcp.slnx --verify-no-changes --no-restore

stage "fast tests"
tests fast 900 tests/mcp.Tests/bin/Debug/net10.0/mcp.Tests

if ! $fast_only; then
  stage "the static file"
  rm -f out/mcp # an old file must not stand in for one that could not be built
  check "packaging/build.sh" packaging/build.sh
  if [ -x out/mcp ]; then
    stage "podman and the image of a test node"
    deps_require podman busybox e2e
    podman_ready
    packaging/testing/node-image.sh || complain "the image of a test node"
    stage "end-to-end tests"
    tests e2e $e2e_limit tests/e2e/bin/Debug/net10.0/e2e
  fi
fi
finished=true
