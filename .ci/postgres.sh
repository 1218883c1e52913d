#!/bin/sh
# Installs Debian's Postgres package unless there is a server already. The tests
# start private clusters, so the package's own cluster is not created.
set -eu

find_server() {
	for dir in $(printf '%s' "$PATH" | tr ':' ' ') /usr/lib/postgresql/*/bin; do
		if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

if dir=$(find_server); then
	echo "postgres: using the server in $dir ($("$dir/postgres" --version))"
	exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
	echo "postgres: found no server on PATH or in /usr/lib/postgresql, and no apt-get;" >&2
	echo "postgres: install PostgreSQL 12 or later and put postgres and initdb on PATH" >&2
	exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "postgres: found no server, and installing one needs root or sudo" >&2
		exit 1
	fi
	as_root=sudo
fi

echo "postgres: no server found; installing Debian's postgresql package"
install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends"
$as_root apt-get update -q
# postgresql-common has the setting that the scripts of postgresql read.
$install postgresql-common
conf=/etc/postgresql-common/createcluster.conf
echo "postgres: setting create_main_cluster = false in $conf, so that no cluster is created and started"
$as_root sed -i '/create_main_cluster/d' "$conf"
echo 'create_main_cluster = false' | $as_root tee -a "$conf" >/dev/null
$install postgresql

if dir=$(find_server); then
	echo "postgres: installed in $dir ($("$dir/postgres" --version))"
else
	echo "postgres: installed the package, but found no postgres and initdb in /usr/lib/postgresql" >&2
	exit 1
fi
