#!/bin/sh
# Installs what the tests of pages need where it is missing: Debian's Chromium and
# Node.js, and the npm packages of edge/internal/browsertest/package-lock.json. Prints
# what it could not install; these tests are skipped with a reason, or fail where
# TENANTEDGE_BROWSER=all.
set -eu
cd "$(dirname "$0")/.."

packages=
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || packages=chromium
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
if [ -n "$packages" ] && command -v apt-get >/dev/null 2>&1; then
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		as_root=sudo
	fi
	echo "browser: installing Debian's packages" $packages
	$as_root apt-get update -q || true
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 $packages || true
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/tenantedge/browser
if command -v npm >/dev/null 2>&1 && ! cmp -s edge/internal/browsertest/package-lock.json "$cache/package-lock.json"; then
	echo "browser: installing playwright-core and axe-core"
	mkdir -p "$cache"
	cp edge/internal/browsertest/package.json edge/internal/browsertest/package-lock.json "$cache"
	npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund || rm -f "$cache/package-lock.json"
fi
