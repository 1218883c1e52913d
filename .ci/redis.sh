#!/bin/sh
# Installs Debian's packages of Redis and Django Channels (channels_redis, daphne)
# where they are missing. The tests start private servers, so the package's own
# server is not started. Fails without Redis; without Django Channels, the tests
# that exchange messages with it are skipped.
set -eu

have_server() { command -v redis-server >/dev/null 2>&1; }
have_django() { /usr/bin/python3 -c 'import channels, channels_redis, daphne' >/dev/null 2>&1; }

as_root=
updated=
# Installs packages, or prints why that is impossible.
install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "redis: found no apt-get to install $*" >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null 2>&1; then
			echo "redis: installing $* needs root or sudo" >&2
			return 1
		fi
		as_root=sudo
	fi
	if [ -z "$updated" ]; then
		$as_root apt-get update -q || return 1
		updated=yes
	fi
	# With RUNLEVEL=1 the package's script starts no service.
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@"
}

if ! have_server; then
	echo "redis: found no server on PATH; installing Debian's redis-server package"
	install redis-server || true
	if ! have_server; then
		echo "redis: install Redis 6 or later and put redis-server on PATH" >&2
		exit 1
	fi
fi
echo "redis: using $(command -v redis-server) ($(redis-server --version | cut -d ' ' -f 3))"

if ! have_django; then
	echo "redis: found no Django Channels for /usr/bin/python3; installing Debian's packages"
	install python3-django-channels python3-channels-redis python3-daphne || true
fi
if have_django; then
	echo "redis: using Django Channels in the tests"
else
	echo "redis: found no Django Channels: the tests that exchange messages with it will be skipped"
fi
