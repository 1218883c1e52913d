#!/bin/sh
# Installs what the test of the console needs where it is missing: Debian's Chromium,
# Node.js and npm, and the packages of edge/serve/testdata/console/package-lock.json:
# playwright-core, which drives the browser, and axe-core. Prints what it could not
# install; the test is skipped with a reason.
set -eu
cd "$(dirname "$0")/../edge/serve/testdata/console"

packages=
command -v chromium >/dev/null 2>&1 || packages="chromium"
command -v node >/dev/null 2>&1 || packages="$packages nodejs"
command -v npm >/dev/null 2>&1 || packages="$packages npm"
if [ -n "$packages" ] && command -v apt-get >/dev/null 2>&1; then
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		as_root=sudo
	fi
	echo "console: installing Debian's packages $packages"
	$as_root apt-get update -q || true
	# shellcheck disable=SC2086 # several packages
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 $packages || true
fi
if ! command -v npm >/dev/null 2>&1; then
	echo "console: npm is not installed; the test of the console is skipped"
	exit 0
fi
# npm writes the second file last.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
	npm ci --no-audit --no-fund --ignore-scripts || echo "console: the packages cannot be installed; the test of the console is skipped"
fi
