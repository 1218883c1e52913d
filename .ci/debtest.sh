#!/bin/sh
# Installs, uses, upgrades and purges the Debian package in a Debian of its own,
# whose systemd runs as PID 1 in namespaces of this machine. Needs root, mmdebstrap
# and cgroup2. Arguments: an older and a newer package, the test program of
# edge/cmd/tenantedge, whose clients send requests meanwhile, and optionally the number
# of reloads before and of restarts after the upgrade.
set -eu

old=$1 new=$2 clients=$3 restarts=${4:-5}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
root=$work/root
systemd= group= parent=

finish() {
	status=$?
	trap - EXIT
	[ $status -eq 0 ] || inside journalctl --no-pager -n 40 -u tenantedge 2>/dev/null || true
	if [ -n "$parent" ]; then
		kill -KILL "${systemd:-$parent}" 2>/dev/null || true
		wait "$parent" 2>/dev/null || true # which ends after all processes of the namespace
	fi
	[ -z "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	rm -rf --one-file-system "$work"
	exit $status
}
trap finish EXIT

say() { echo "debtest: $*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
# inside runs a command in the Debian, and within one on its network only.
inside() { nsenter -t "$systemd" -a -r -w "$@"; }
within() { nsenter -t "$systemd" -n "$@"; }
apt() { inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@"; }
state() { inside systemctl show tenantedge.service -P "$1"; }

say "installing Debian into $root"
mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus,man-db,bash-completion "${DEBIAN:-bookworm}" "$root" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

for unit in getty@tty1.service console-getty.service; do
	ln -s /dev/null "$root/etc/systemd/system/$unit" # there is no terminal
done

say "starting its systemd"
for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	if [ "$(stat -f -c %T $at 2>/dev/null)" = cgroup2fs ]; then group=$at/tenantedge-debtest-$$; fi
done
[ -n "$group" ] || fail "expected cgroup2 at /sys/fs/cgroup, found none"
mkdir "$group"
cat >"$work/boot" <<'END'
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --bind "$1/proc/sys" "$1/proc/sys"
mount -o remount,bind,ro "$1/proc/sys" # most of it is of the whole machine
mount -t sysfs -o ro sysfs "$1/sys"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
ip link set lo up
mount --make-rshared "$1" # systemd leaves this to the manager of a container
cd "$1"
exec env -i container=debtest PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-syslog chroot . /lib/systemd/systemd --system --show-status=no systemd.unit=multi-user.target
END
sh -c 'echo $$ >"$1/cgroup.procs"; exec unshare --mount --pid --ipc --uts --net --cgroup --fork --kill-child sh "$2" "$3"' - "$group" "$work/boot" "$root" </dev/null >"$work/console" 2>&1 &
parent=$!
for _ in $(seq 600); do
	systemd=$(pgrep -P "$parent" -f '^/lib/systemd/systemd --system' || true)
	[ -z "$systemd" ] || case $(inside systemctl is-system-running 2>/dev/null || true) in running | degraded) break ;; esac
	sleep 0.3
done
[ "$(inside systemctl is-system-running)" = running ] || fail "expected systemd to run, found the state $(inside systemctl is-system-running) and $(inside systemctl --failed --no-legend) $(cat "$work/console")"
inside systemctl --version | head -1

# files lists all files but those of apt, debconf, dpkg, man and the random seed, with the
# contents of /etc but the copies of the users' files.
files() {
	find "$root" -xdev \( -path "$root/var/lib/dpkg" -o -path "$root/var/lib/apt" -o -path "$root/var/cache/apt" -o -path "$root/var/cache/debconf" -o -path "$root/var/log" \
		-o -path "$root/var/cache/man" -o -path "$root/var/lib/systemd/random-seed" -o -path "$root/etc/*-" \) -prune -o -print | sort
	find "$root/run" "$root/tmp" "$root/var/tmp" | grep tenantedge || true
	find "$root/etc" -xdev -type f ! -name '*-' -exec sha256sum {} + | sort -k 2
}
# swapped reports whether the edge has followed a change of the guest's file.
swapped() { inside journalctl -u tenantedge -o cat | grep -q '"audit":"guest.path","outcome":"done","who":"file"'; }
# reloads counts the signals that have led to a reload.
reloads() { inside journalctl -u tenantedge -o cat | grep -c 'the configuration was read again' || true; }
files >"$work/before"
cp "$old" "$root/root/old.deb"
cp "$new" "$root/root/new.deb"

say "installing the package"
apt install /root/old.deb
[ "$(state ActiveState)/$(state SubState)" = active/running ] || fail "the service is $(state ActiveState)"
say "status: $(state StatusText)"
main=$(state MainPID)
[ "$(inside ps -o user= -p "$main" 2>/dev/null || inside stat -c %U "/proc/$main")" = tenantedge ] || fail "expected the user tenantedge"
within curl -fsS -H 'Host: localhost' http://127.0.0.1:8080/ | grep -q 'tenantedge works' || fail "the page is not served"
inside env XDG_CACHE_HOME=/tmp tenantedge check --strict -c /etc/tenantedge/tenantedge.yaml
inside env XDG_CACHE_HOME=/tmp tenantedge check --health -c /etc/tenantedge/tenantedge.yaml
inside man -w tenantedge-serve >/dev/null
inside systemd-analyze verify tenantedge.service tenantedge.socket
inside systemd-analyze security --no-pager tenantedge.service | tail -1

say "using a configuration with a guest, a secret, an application and websockets"
cat >"$root/etc/tenantedge/tenantedge.yaml" <<'END'
listeners: ["systemd:http"]
admin_token_file: /run/credentials/tenantedge.service/secrets_admin
tenants: {acme: {DOMAINS: [acme.example.com], URLCONF: app, WS_URLCONF: ws}}
guest: {path: /var/lib/tenantedge/guest.wasm}
urlconfs: {app: "http://127.0.0.1:8000"}
ws_urlconfs: {ws: [{path: socket/, name: socket, upstream: "ws://127.0.0.1:8000"}]}
END
echo 0123456789abcdef0123456789abcdef >"$root/etc/tenantedge/secrets/admin"
cp "$here/assets/router.wasm" "$root/var/lib/tenantedge/guest.wasm"
cp "$root/etc/tenantedge/tenantedge.yaml" "$work/config"
inside systemctl restart tenantedge
TENANTEDGE_TOKEN=0123456789abcdef0123456789abcdef within "$root/usr/bin/tenantedge" guest status >/dev/null || fail "the secret is not read"

say "reloading, upgrading and restarting under load"
mkfifo "$work/end"
TENANTEDGE_LOAD=127.0.0.1:8080 TENANTEDGE_LOAD_APP=127.0.0.1:8000 within "$clients" -test.run '^TestClientsOfARunningEdge$' -test.count=1 <"$work/end" >"$work/load" 2>&1 &
load=$!
exec 3>"$work/end"
# served waits for 200 more requests of the clients, who report them after $1.
served() {
	echo "$1" >&3
	for _ in $(seq 600); do
		! grep -q "after $1:" "$work/load" || return 0
		sleep 0.1
	done
	cat "$work/load"
	fail "the clients get no answers after $1"
}
served 'the start'
for count in $(seq "$restarts"); do
	inside systemctl reload tenantedge
	for _ in $(seq 600); do
		[ "$(reloads)" -lt "$count" ] || break
		sleep 0.1
	done
	[ "$(reloads)" -ge "$count" ] || fail "a reload does not reach the edge"
	served "reload $count"
done
# The same guest with a further section, so that it is another one to the edge.
{ cat "$here/assets/router.wasm"; printf '\0\3\1xy'; } >"$root/var/lib/tenantedge/new.wasm"
mv "$root/var/lib/tenantedge/new.wasm" "$root/var/lib/tenantedge/guest.wasm"
for _ in $(seq 600); do
	! swapped || break
	sleep 0.1
done
swapped || fail "the guest is not replaced"
served 'the swap of the guest'
before=$(state MainPID)
apt install /root/new.deb
[ "$(state MainPID)" != "$before" ] || fail "the process is not replaced"
[ "$(inside tenantedge --version)" = "tenantedge version 0.0.2" ] || fail "expected the new binary"
served 'the upgrade'
for count in $(seq "$restarts"); do
	inside systemctl restart tenantedge
	served "restart $count"
done
exec 3>&-
wait $load || { cat "$work/load"; fail "requests failed"; }
grep 'requests and' "$work/load"
cmp "$root/etc/tenantedge/tenantedge.yaml" "$work/config" || fail "the upgrade has changed the configuration"
[ "$(state NRestarts)" = 0 ] || fail "systemd had to restart the service"

say "hanging, so that the watchdog restarts the service"
mkdir -p "$root/etc/systemd/system/tenantedge.service.d"
printf '[Service]\nWatchdogSec=2s\n' >"$root/etc/systemd/system/tenantedge.service.d/watchdog.conf"
inside systemctl daemon-reload
inside systemctl restart tenantedge
inside systemctl kill -s STOP tenantedge
for _ in $(seq 600); do
	[ "$(state NRestarts)/$(state ActiveState)" != 1/active ] || break
	sleep 0.3
done
[ "$(state NRestarts)/$(state ActiveState)" = 1/active ] || fail "the watchdog has not restarted the service: $(state NRestarts) $(state ActiveState)"

say "disabling, and installing again"
inside systemctl disable -q --now tenantedge.service tenantedge.socket
apt install --reinstall /root/new.deb
[ "$(inside systemctl is-active tenantedge.service tenantedge.socket | sort -u)" = inactive ] || fail "installing again must not start what is disabled"
inside systemctl enable -q --now tenantedge.socket tenantedge.service

say "removing, installing and purging"
apt remove tenantedge
[ -f "$root/etc/tenantedge/tenantedge.yaml" ] && [ -d "$root/var/lib/tenantedge" ] || fail "removing must keep the configuration and the state"
[ "$(inside systemctl is-active tenantedge.socket || true)" != active ] || fail "the socket is open after the removal"
apt install /root/new.deb
[ "$(state ActiveState)" = active ] || fail "the service is $(state ActiveState) after a removal and an installation"
cmp "$root/etc/tenantedge/tenantedge.yaml" "$work/config" || fail "the removal has changed the configuration"
apt purge tenantedge
rm "$root/root/old.deb" "$root/root/new.deb"
files >"$work/after"
diff "$work/before" "$work/after" || fail "the purge leaves or takes files"
! inside dpkg -s tenantedge >/dev/null 2>&1 || fail "dpkg still knows the package"
! inside getent passwd tenantedge || fail "the purge leaves the user"
! inside getent group tenantedge || fail "the purge leaves the group"
say "passed"
