#!/bin/sh
# Runs the image $1, which .ci/image.sh has built with buildah, on a network of its
# own: it must serve as a user that is not root, report its health, and contain no
# other program. Needs root.
set -eu

image=$1
if [ -z "${INSIDE:-}" ]; then
	INSIDE=yes exec unshare --net --pid --mount-proc --fork --kill-child sh "$0" "$@"
fi
ip link set lo up
container=$(buildah from "$image")
trap 'buildah rm "$container" >/dev/null' EXIT
fail() { echo "imagetest: FAILED: $*" >&2; exit 1; }

root=$(buildah mount "$container")
programs=$(find "$root" -type f -perm -1 | sed "s|^$root||")
[ "$programs" = /usr/bin/tenantedge ] || fail "expected one program, found $programs"
buildah inspect --type image "$image" | grep -q '"User": "65532:65532"' || fail "expected the user 65532"
buildah inspect --type image "$image" | grep -q '"check"' || fail "expected a health check"

edge() { buildah run --isolation chroot "$container" /usr/bin/tenantedge "$@"; }
! edge check --health --config /etc/tenantedge/tenantedge.yaml 2>/dev/null || fail "it is healthy before it runs"
edge serve --config /etc/tenantedge/tenantedge.yaml >/tmp/imagetest.$$ 2>&1 &
for _ in $(seq 600); do
	! edge check --health --config /etc/tenantedge/tenantedge.yaml 2>/dev/null || break
	sleep 0.3
done
edge check --health --config /etc/tenantedge/tenantedge.yaml || { cat /tmp/imagetest.$$; fail "it does not become healthy"; }
rm -f /tmp/imagetest.$$
curl -fsS -H 'Host: localhost' http://127.0.0.1:8080/ | grep -q 'tenantedge works' || fail "the page is not served"
pid=$(pgrep -o -f '^/usr/bin/tenantedge serve')
[ "$(stat -c %u:%g "/proc/$pid")" = 65532:65532 ] || fail "it runs as $(stat -c %u:%g "/proc/$pid")"
kill -TERM "$pid"
for _ in $(seq 600); do
	[ -d "/proc/$pid" ] || break
	sleep 0.1
done
[ ! -d "/proc/$pid" ] || fail "it does not end on SIGTERM"
echo "imagetest: passed"
