#!/bin/bash
# Runs a file in a root with nothing else in it, then in one whose nsswitch.conf names modules that a static C library must not load.
# Usage: empty-root-check.sh FILE
set -euo pipefail
file=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# chroot needs root; a user gets it by a user namespace where the kernel allows that.
in_root() {
  local folder=$1
  shift
  if [ "$(id -u)" -eq 0 ]; then
    chroot "$folder" "$@"
  else
    unshare --map-root-user --root "$folder" "$@"
  fi
}

mkdir "$work/empty"
cp "$file" "$work/empty/mcp"
in_root "$work/empty" /mcp --version
in_root "$work/empty" /mcp self-check
left=$(find "$work/empty" -mindepth 1 ! -name mcp -printf '%P\n')
[ -z "$left" ] || { echo "empty-root-check: the file left something behind: $left" >&2; exit 1; }

# A foreign node: the lookup modules that its nsswitch.conf names are for another C library; only the built-in ones may be used.
# `files` is not in the list on purpose: the name resolves only if the node's configuration is not followed.
mkdir -p "$work/foreign/etc" "$work/foreign/lib"
cp "$file" "$work/foreign/mcp"
echo 'hosts: mymachines resolve' >"$work/foreign/etc/nsswitch.conf"
echo '192.0.2.7 beacon.test' >"$work/foreign/etc/hosts"
for module in mymachines resolve; do
  echo 'not a library of ours' >"$work/foreign/lib/libnss_$module.so.2"
done
in_root "$work/foreign" /mcp self-check beacon.test | grep -qx 'resolve 192.0.2.7' ||
  { echo "empty-root-check: beacon.test did not resolve from /etc/hosts under a foreign nsswitch.conf" >&2; exit 1; }
