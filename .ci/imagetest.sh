#!/bin/sh
# Runs the image $1, which .ci/image.sh has built, with podman and crun on a network of
# its own: without rights, as a user that is not root and with a file system that is read
# only, it must serve, report its health, and answer open requests when it is stopped.
# The image must contain no other program. Needs root, cgroup2 and Python.
set -eu
cd "$(dirname "$0")/.."

image=$1
if [ -z "${INSIDE:-}" ]; then
	INSIDE=yes exec unshare --mount --net --pid --mount-proc --fork --kill-child sh .ci/imagetest.sh "$@"
fi
mount --make-rprivate /
umount --recursive --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup # crun refuses a mixture with version 1
ip link set lo up
work=$(mktemp -d)
name=tenantedge-imagetest-$$
finish() {
	status=$?
	[ $status -eq 0 ] || podman logs "$name" 2>&1 | tail -n 20 || true
	podman rm --force --volumes "$name" >/dev/null 2>&1 || true
	rm -rf "$work"
	exit $status
}
trap finish EXIT
fail() { echo "imagetest: FAILED: $*" >&2; exit 1; }
podman() { command podman --log-level fatal "$@"; } # it would like systemd to run health checks
# soon waits until a command succeeds.
soon() {
	for _ in $(seq 300); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "expected that it succeeds: $*"
}
get() { curl -fsS -H 'Host: localhost' "http://127.0.0.1:8080$1"; }
# run starts the container; arguments are further options.
run() {
	files=$(ulimit -H -n)
	podman --runtime crun --cgroup-manager cgroupfs run --detach --name "$name" --network host --cgroups disabled --ulimit "nofile=$files:$files" --ulimit nproc=4096:4096 \
		--health-interval disable --read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges "$@" "$image" >/dev/null
}
edge() { podman exec "$name" /usr/bin/tenantedge "$@"; }

run --volume /var/cache/tenantedge
soon podman healthcheck run "$name"
get / | grep -q 'tenantedge works' || fail "the page is not served"
edge check --strict --config /etc/tenantedge/tenantedge.yaml
pid=$(podman inspect "$name" --format '{{.State.Pid}}')
[ "$(stat -c %u:%g "/proc/$pid")" = 65532:65532 ] || fail "it runs as $(stat -c %u:%g "/proc/$pid")"
programs=$(find "/proc/$pid/root/" -xdev -type f -perm -1 | sed "s|^/proc/$pid/root||")
[ "$programs" = /usr/bin/tenantedge ] || fail "expected one program, found $programs"
podman stop "$name" >/dev/null
[ "$(podman inspect "$name" --format '{{.State.ExitCode}}')" = 0 ] || fail "it does not end on SIGTERM"
podman rm --volumes "$name" >/dev/null

echo "imagetest: stopping it while a request is open"
cat >"$work/app.py" <<'END'
import http.server, os, time
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/open":
            open("open", "w").close()
            while not os.path.exists("answer"):
                time.sleep(0.1)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"answered")
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), App).serve_forever()
END
cat >"$work/tenantedge.yaml" <<'END'
listeners: [":8080"]
tenants: {acme: {DOMAINS: [localhost], URLCONF: app}}
guest: {path: /etc/tenantedge/router.wasm}
urlconfs: {app: "http://127.0.0.1:8000"}
END
chmod 755 "$work"
(cd "$work" && exec python3 app.py 2>/dev/null) &
run --volume "$work/tenantedge.yaml:/etc/tenantedge/tenantedge.yaml:ro" --volume "$(pwd)/assets/router.wasm:/etc/tenantedge/router.wasm:ro"
soon get /
get /open >"$work/answer.of" &
client=$!
soon test -e "$work/open"
podman stop --time 30 "$name" >/dev/null &
stopping=$!
soon sh -c "podman logs $name 2>&1 | grep -q 'shutting down'"
touch "$work/answer"
wait $client || fail "the open request is not answered"
wait $stopping
[ "$(cat "$work/answer.of")" = answered ] || fail "the open request is answered with $(cat "$work/answer.of")"
[ "$(podman inspect "$name" --format '{{.State.ExitCode}}')" = 0 ] || fail "it does not end after the request"
echo "imagetest: passed"
