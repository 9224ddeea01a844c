# Sourced: makes sure that `podman run` works here. An ordinary host is left as it is; only where a plain run fails are settings of our own
# used, through CONTAINERS_CONF and packaging/containers.conf, and it is said so. Nothing under /etc is touched.
#
#   podman_ready      afterwards podman (and everything started from this shell) works, or the script has ended with the reason

# A 2 MB image with a shell, made from this machine's static busybox: no registry is needed.
podman_busybox_image=localhost/mcp-test/busybox:1

podman_import_busybox() {
  podman image exists "$podman_busybox_image" && return 0
  local tree applet
  tree=$(mktemp -d)
  mkdir -p "$tree/bin" "$tree/tmp" "$tree/etc" "$tree/srv"
  cp "$(command -v busybox)" "$tree/bin/busybox"
  for applet in $("$tree/bin/busybox" --list | grep -vx busybox); do
    ln -sf busybox "$tree/bin/$applet"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
  chmod 1777 "$tree/tmp"
  tar -C "$tree" --owner=0 --group=0 --numeric-owner -c . |
    podman import -q --change 'ENV PATH=/bin' --change 'CMD ["/bin/sh"]' - "$podman_busybox_image" >/dev/null
  local rc=$?
  rm -rf "$tree"
  return $rc
}

# A run with the default network and a published port is what every service needs.
podman_try() {
  podman_import_busybox && podman run --rm -p 127.0.0.1::80 "$podman_busybox_image" true
}

podman_ready() {
  deps_require podman busybox
  local plain
  if plain=$(podman_try 2>&1); then
    return 0
  fi
  export CONTAINERS_CONF=$root/packaging/containers.conf
  local ours
  if ours=$(podman_try 2>&1); then
    echo "podman: a plain \`podman run\` fails on this machine ($(tail -n 1 <<<"$plain" | cut -c1-160))" >&2
    echo "podman: going on with CONTAINERS_CONF=$CONTAINERS_CONF, for what this script starts only" >&2
    return 0
  fi
  printf 'podman does not run a container here.\n  as it is set up: %s\n  with %s: %s\n' \
    "$(tail -n 3 <<<"$plain")" "$CONTAINERS_CONF" "$(tail -n 3 <<<"$ours")" >&2
  exit 1
}
