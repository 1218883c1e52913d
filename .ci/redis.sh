#!/bin/sh
# Makes sure that a Redis server is here for the tests, which start private
# ones of their own, and tries to have Django Channels with channels_redis for
# the tests that exchange messages with it. Installs Debian's packages where
# they are missing, without the server that one would otherwise leave running.
# Without Redis this fails; without Django Channels those tests are skipped.
set -eu

have_server() { command -v redis-server >/dev/null 2>&1; }
have_django() { /usr/bin/python3 -c 'import channels, channels_redis, daphne' >/dev/null 2>&1; }

as_root=
updated=
# Installs packages, and says why where that is impossible.
install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "redis: no apt-get here to install $*" >&2
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
	# RUNLEVEL=1 tells the package's script that this is no time to start a service.
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@"
}

if ! have_server; then
	echo "redis: no server on PATH; installing Debian's redis-server package"
	install redis-server || true
	if ! have_server; then
		echo "redis: install Redis 6 or later so that PATH has redis-server" >&2
		exit 1
	fi
fi
echo "redis: using $(command -v redis-server) ($(redis-server --version | cut -d ' ' -f 3))"

if ! have_django; then
	echo "redis: no Django Channels for /usr/bin/python3; installing Debian's packages"
	install python3-django-channels python3-channels-redis python3-daphne || true
fi
if have_django; then
	echo "redis: Django Channels is here: its processes take part in the tests"
else
	echo "redis: Django Channels is not here: the tests that exchange messages with it will be skipped"
fi
