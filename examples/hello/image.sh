#!/bin/bash
# Makes the image localhost/hello:1 in podman's local store: static busybox, its httpd, and one page that counts visits.
set -euo pipefail
image=${1:-localhost/hello:1}
busybox=$(command -v busybox) || { echo "busybox-static is needed: apt-get install busybox-static" >&2; exit 1; }
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,etc,tmp,srv,www/cgi-bin}
chmod 1777 "$tree/tmp"
cp "$busybox" "$tree/bin/busybox"
for applet in sh cat echo httpd kill mkdir mv sleep wget; do ln -s busybox "$tree/bin/$applet"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
cat >"$tree/bin/hello" <<'SCRIPT'
#!/bin/sh
# busybox httpd runs cgi-bin/index.cgi for a folder without an index page.
mkdir -p /srv/hello
# As process 1 httpd would not hear SIGTERM, and every stop would take its whole grace period: a shell that listens stands before it.
httpd -f -v -p "${PORT:-8080}" -h /www &
trap 'kill $!' TERM INT
wait $!
SCRIPT
cat >"$tree/www/cgi-bin/index.cgi" <<'SCRIPT'
#!/bin/sh
# Rename, so that a kill leaves the old count or the new one.
count=$(($(cat /srv/hello/visits 2>/dev/null || echo 0) + 1))
echo "$count" >/srv/hello/visits.new && mv /srv/hello/visits.new /srv/hello/visits
printf 'Content-Type: text/plain\r\n\r\n%s, visit %s\n' "${GREETING:-hello}" "$count"
SCRIPT
chmod 755 "$tree/bin/hello" "$tree/www/cgi-bin/index.cgi"
tar -C "$tree" --owner=0 --group=0 --numeric-owner --mtime=@0 --sort=name -c . |
  podman import -q --change 'ENV PATH=/bin' --change 'CMD ["/bin/hello"]' - "$image" >/dev/null
echo "$image"
