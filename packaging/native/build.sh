#!/bin/bash
# Makes in obj/native/<key>/ what is linked into the static file beside .NET's own libraries, and prints that folder (the only line on stdout):
#   libssl.a, libcrypto.a   the distribution's, without unwinding tables: nothing is ever unwound through them (no exception passes C code, and
#                           the collector skips it), and the tables are 0.7 MB of the file
#   start.o, crypto.o, tls.o  see start.c, crypto.c, tls.c
# The key is a hash of the inputs, so a second run is free.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

archives=()
for name in ssl crypto; do
  archive=$(gcc -print-file-name="lib$name.a")
  [ -f "$archive" ] || { echo "native: lib$name.a is not installed" >&2; exit 1; }
  archives+=("$archive")
done

key=$(cat "$here/build.sh" "$here/start.c" "$here/crypto.c" "$here/tls.c" "${archives[@]}" <(gcc --version | head -n1) | sha256sum | cut -c1-16)
into=$root/obj/native/$key
if [ ! -d "$into" ]; then
  mkdir -p "$root/obj/native"
  work=$(mktemp -d "$root/obj/native/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  for archive in "${archives[@]}"; do
    objcopy --remove-section=.eh_frame --remove-section=.rela.eh_frame "$archive" "$work/$(basename "$archive")"
  done
  for part in start crypto tls; do
    gcc -Os -g1 -fPIC -Wall -Wextra -Werror -fno-asynchronous-unwind-tables -c "$here/$part.c" -o "$work/$part.o"
  done
  # Rename last: a killed run leaves no folder that looks finished.
  mv "$work" "$into"
fi
echo "$into"
