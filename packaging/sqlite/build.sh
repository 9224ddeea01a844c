#!/bin/bash
# Compiles SQLite into obj/sqlite/<key>/libe_sqlite3.a and prints that path (the only line on stdout).
# The key is a hash of this recipe, so a second run is free and a changed flag or version compiles anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/packaging/deps.sh"
. "$here/source.env"

# What the managed provider names (snapshot, column metadata, extension loading) must be there, or the static link fails.
# DQS=0: "text" in double quotes is never a string. DEFAULT_FOREIGN_KEYS=1: a forgotten pragma does not orphan rows.
# The virtual tables are for integrity checks of databases that services bring along. Without the mathematical functions: they are 0.3 MB of
# libm, and an index or a constraint over one is rare; its table is named as not checked.
flags=(
  -DSQLITE_THREADSAFE=1 -DSQLITE_DQS=0 -DSQLITE_DEFAULT_FOREIGN_KEYS=1 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_SNAPSHOT
  -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_GEOPOLY
  -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_STAT4 -DSQLITE_DEFAULT_MEMSTATUS=0
  -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_TEMP_STORE=2 -DHAVE_USLEEP=1 -DHAVE_FDATASYNC=1
)

# Prints the SHA-512 of a file in the registry's notation. od and base64 are in every Debian; openssl may not be.
integrity_of() { printf 'sha512-%s' "$(printf '%b' "$(sha512sum "$1" | cut -d' ' -f1 | sed 's/../\\x&/g')" | base64 -w0)"; }

key=$(cat "$here/build.sh" "$here/source.env" <(gcc --version | head -n1) | sha256sum | cut -c1-16)
into=$root/obj/sqlite/$key
archive=$into/libe_sqlite3.a
if [ ! -f "$archive" ]; then
  deps_require npm
  mkdir -p "$into"
  work=$(mktemp -d "$into/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "sqlite: fetching $SQLITE_PACKAGE@$SQLITE_PACKAGE_VERSION" >&2
  # `npm pack` fetches one tarball and runs none of its scripts.
  (cd "$work" && npm pack --silent --ignore-scripts "$SQLITE_PACKAGE@$SQLITE_PACKAGE_VERSION" >/dev/null 2>npm.log) ||
    { cat "$work/npm.log" >&2; echo "sqlite: npm could not fetch $SQLITE_PACKAGE@$SQLITE_PACKAGE_VERSION" >&2; exit 1; }
  tarball=$(echo "$work"/*.tgz)
  found=$(integrity_of "$tarball")
  if [ "$found" != "$SQLITE_PACKAGE_INTEGRITY" ]; then
    echo "sqlite: $SQLITE_PACKAGE@$SQLITE_PACKAGE_VERSION has integrity $found, but $SQLITE_PACKAGE_INTEGRITY is pinned in packaging/sqlite/source.env" >&2
    exit 1
  fi
  tar -xzf "$tarball" -C "$work" "$SQLITE_SOURCE_IN_PACKAGE"
  source=$work/$SQLITE_SOURCE_IN_PACKAGE
  number=$(sed -n 's/^#define SQLITE_VERSION_NUMBER *\([0-9]*\).*/\1/p' "$source/sqlite3.h")
  if [ "${number:-0}" -lt "$SQLITE_MINIMUM" ]; then
    echo "sqlite: the package holds version number ${number:-unknown}, at least $SQLITE_MINIMUM is needed" >&2
    exit 1
  fi
  echo "sqlite: compiling $(sed -n 's/^#define SQLITE_VERSION *"\(.*\)".*/\1/p' "$source/sqlite3.h")" >&2
  # For size: the hot paths of a database are its disk, and the checks of a large one read it all. No unwinding tables: no exception passes C code.
  gcc -Os -g1 -fno-asynchronous-unwind-tables -fPIC -ffunction-sections -fdata-sections -fstack-protector-strong -w "${flags[@]}" -c "$source/sqlite3.c" -o "$work/sqlite3.o"
  ar rcsD "$work/libe_sqlite3.a" "$work/sqlite3.o"
  # Rename last: a killed compile leaves no archive that looks finished.
  mv "$work/libe_sqlite3.a" "$archive"
fi
echo "$archive"
