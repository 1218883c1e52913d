#!/bin/sh
# Installs Debian's packages of the application servers that the tests start (see
# edge/serve/SERVERS.md), and of the servers that ask for decisions (see
# edge/decide/README.md), where they are missing, without starting their services.
#
#	sh .ci/servers.sh         the servers of `make test`
#	sh .ci/servers.sh full    all servers, for `make servers`
#
# The first form prints what it could not install; the tests of those servers are
# skipped with a reason. The second form fails.
set -eu

# Each row: the name of a server, its packages, and a command that succeeds if it
# is installed.
short='
gunicorn|gunicorn|command -v gunicorn
uvicorn|python3-uvicorn python3-httptools python3-websockets|/usr/bin/python3 -c "import uvicorn, httptools, websockets"
waitress|python3-waitress|/usr/bin/python3 -c "import waitress"
nginx|nginx-light|command -v nginx
haproxy|haproxy|command -v haproxy
varnish|varnish|command -v varnishd
'
further='
daphne|python3-daphne|/usr/bin/python3 -c "import daphne"
hypercorn|python3-hypercorn|/usr/bin/python3 -c "import hypercorn"
uwsgi|uwsgi-core uwsgi-plugin-python3|command -v uwsgi
lighttpd|lighttpd|command -v lighttpd
apache|apache2-bin libapache2-mod-wsgi-py3|command -v apache2 && ls /usr/lib/apache2/modules/mod_wsgi.so
php-fpm|php-fpm|ls /usr/sbin/php-fpm*
node|nodejs|command -v node
puma|puma|command -v puma
django|python3-django|/usr/bin/python3 -c "import django"
'

case "${1:-short}" in
short) servers=$short ;;
full) servers=$short$further ;;
*)
	echo "servers: expected \"short\", \"full\" or no argument, found \"$1\"" >&2
	exit 2
	;;
esac

missing() {
	printf '%s' "$servers" | while IFS='|' read -r name packages here; do
		[ -n "$name" ] || continue
		PATH=$PATH:/usr/sbin sh -c "$here" >/dev/null 2>&1 || echo "$1" | sed "s/name/$name/; s/packages/$packages/"
	done
}

wanted=$(missing packages)
if [ -n "$wanted" ] && command -v apt-get >/dev/null 2>&1; then
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		as_root=sudo
	fi
	echo "servers: installing Debian's packages" $wanted
	$as_root apt-get update -q || true
	# With RUNLEVEL=1 the packages' scripts start no services.
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 $wanted || true
fi

absent=$(missing name)
if [ -z "$absent" ]; then
	echo "servers: all are installed"
	exit 0
fi
if [ "${1:-short}" = full ]; then
	echo "servers: expected all servers, did not find" $absent "- install them and run this again" >&2
	exit 1
fi
echo "servers: not installed, their tests will be skipped:" $absent
