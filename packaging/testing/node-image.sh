#!/bin/bash
# Makes the image of a bare node for the tests (systemd as PID 1, podman inside, nothing of ours) and prints its name. The name holds a
# hash of this recipe and the month, so it is built once (about a minute) and kept in podman's own store.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/packaging/deps.sh"
. "$root/packaging/podman.sh"
suite=bookworm
image=localhost/mcp-test/node:$(cat "${BASH_SOURCE[0]}" "$root/packaging/containers.conf" | sha256sum | cut -c1-12)-$(date -u +%Y%m)

if ! podman image exists "$image"; then
  deps_require e2e podman busybox
  # The mirror that apt uses here, else the public one.
  mirror=$({ apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' 2>/dev/null || true; } |
    awk -v suite="$suite" '$1 == suite { print $2; exit }')
  mkdir -p "$root/obj"
  tree=$(mktemp -d "$root/obj/node.XXXXXX")
  trap 'rm -rf "$tree"' EXIT
  echo "node image: debootstrap of $suite" >&2
  PATH=$PATH:/usr/sbin:/sbin debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,podman,runc,conmon,netavark,aardvark-dns,iproute2,iptables,nftables,ca-certificates,catatonit \
    "$suite" "$tree" "${mirror:-http://deb.debian.org/debian}" >"$root/obj/node-image.log" 2>&1 ||
    { tail -n 20 "$root/obj/node-image.log" >&2; echo "node image: debootstrap failed (obj/node-image.log)" >&2; exit 1; }
  mkdir -p "$tree/etc/containers"
  # Podman inside a container: limits cannot be raised, cgroups are the outer machine's.
  cp "$root/packaging/containers.conf" "$tree/etc/containers/containers.conf"
  # Of no use in a container, and slow or failing there: the node would count as degraded.
  for unit in systemd-timesyncd.service systemd-resolved.service systemd-networkd.service systemd-logind.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
    podman-auto-update.timer podman-auto-update.service podman-restart.service podman.service podman.socket; do
    case $unit in
      # Installed but off, as on a fresh machine: switching the socket on is part of setting up a node.
      podman*) rm -f "$tree"/etc/systemd/system/*.wants/"$unit" ;;
      *) ln -sf /dev/null "$tree/etc/systemd/system/$unit" ;;
    esac
  done
  rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}/*
  : >"$tree/etc/machine-id"
  # Imported under a passing name first: an interrupted import leaves no image that looks finished.
  tar -C "$tree" --numeric-owner --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -c . |
    podman import -q --change 'CMD ["/lib/systemd/systemd"]' --change 'STOPSIGNAL SIGRTMIN+3' - "$image-part" >&2
  podman tag "$image-part" "$image"
  podman untag "$image-part" "$image-part" >/dev/null
fi
echo "$image"
