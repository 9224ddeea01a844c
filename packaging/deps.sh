# Sourced by every script here: names what a script needs and installs what is missing. A Debian (or a derivative with apt-get) with
# nothing but git and the .NET SDK is enough, as root or with sudo; elsewhere the list is printed and the script stops.
#
#   deps_require build podman e2e     groups below; a group whose tools are all there costs a few stats and installs nothing

# Each line: what shows that it is there (a command, a file with a leading /, or `dpkg` for the package itself) and the Debian package that
# brings it.
deps_of() {
  case $1 in
    build) cat <<'LIST'
gcc gcc
/usr/include/stdlib.h libc6-dev
ld.lld lld
cmake cmake
make make
readelf binutils
/usr/include/openssl/ssl.h libssl-dev
/usr/include/zlib.h zlib1g-dev
LIST
      ;;
    npm) echo "npm npm" ;;
    podman) cat <<'LIST'
podman podman
runc runc
conmon conmon
/usr/lib/podman/netavark netavark
/usr/lib/podman/aardvark-dns aardvark-dns
iptables iptables
nft nftables
catatonit catatonit
newuidmap uidmap
slirp4netns slirp4netns
fuse-overlayfs fuse-overlayfs
LIST
      ;;
    busybox) echo "dpkg busybox-static" ;; # the dynamic busybox has the same name
    curl) echo "curl curl" ;;
    fuzz) printf '%s\n' "afl-fuzz afl++" "zstd zstd" ;;
    e2e) cat <<'LIST'
debootstrap debootstrap
sqlite3 sqlite3
pkill procps
mount mount
ip iproute2
strace strace
/usr/lib/python3/dist-packages/grpc/__init__.py python3-grpcio
openssl openssl
zstd zstd
bsdtar libarchive-tools
docker-registry docker-registry
/etc/ssl/certs/ca-certificates.crt ca-certificates
LIST
      ;;
    bench-data) cat <<'LIST'
zstd zstd
ssh openssh-client
/usr/sbin/sshd openssh-server
rsync rsync
restic restic
borg borgbackup
ip iproute2
LIST
      ;;
    *) echo "deps.sh: no group named $1" >&2; return 1 ;;
  esac
}

deps_missing() {
  local group probe package
  for group in "$@"; do
    while read -r probe package; do
      case $probe in
        dpkg) dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package" ;;
        /*) [ -e "$probe" ] || echo "$package" ;;
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$probe" >/dev/null || echo "$package" ;;
      esac
    done < <(deps_of "$group")
  done
}

deps_require() {
  if ! command -v dotnet >/dev/null; then
    echo "The .NET SDK 10 is needed (dotnet is not on PATH): https://learn.microsoft.com/dotnet/core/install/linux-debian" >&2
    exit 1
  fi
  local packages as_root=()
  mapfile -t packages < <(deps_missing "$@")
  [ "${#packages[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Needed, and not here: ${packages[*]} (Debian's names). This is no Debian; please install them with your package manager and run this again." >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Needed: ${packages[*]}. Neither root nor sudo here; as root: apt-get install ${packages[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${packages[*]}" >&2
  deps_apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2; }
  if [ -z "${DEPS_UPDATED:-}" ]; then
    deps_apt update || true
    export DEPS_UPDATED=1
  fi
  # dpkg may stop half way when an archive is missing for a moment; finishing what it began and trying once more is the remedy.
  if ! deps_apt install -y --no-install-recommends "${packages[@]}"; then
    deps_apt install -y -f || true
    deps_apt update || true
    deps_apt install -y --no-install-recommends "${packages[@]}" ||
      { echo "apt-get could not install: ${packages[*]}" >&2; exit 1; }
  fi
  mapfile -t packages < <(deps_missing "$@")
  if [ "${#packages[@]}" -gt 0 ]; then
    echo "installed, but still not found: ${packages[*]}" >&2
    exit 1
  fi
}
