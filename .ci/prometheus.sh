#!/bin/sh
# Installs Debian's package of Prometheus where promtool is missing: the tests check
# metrics, alert rules and the dashboard with it. The tests start no Prometheus, so
# the package's own server is not started. Elsewhere, put promtool on PATH.
set -eu

if ! command -v promtool >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		as_root=sudo
	fi
	echo "prometheus: found no promtool on PATH; installing Debian's prometheus package"
	$as_root apt-get update -q || true
	# With RUNLEVEL=1 the package's script starts no service.
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 prometheus || true
fi
if ! command -v promtool >/dev/null 2>&1; then
	echo "prometheus: install Prometheus 2.42 or later and put promtool on PATH" >&2
	exit 1
fi
echo "prometheus: using $(command -v promtool) ($(promtool --version 2>&1 | sed -n 's/^promtool, version \([^ ]*\).*/\1/p'))"
