#!/bin/sh
# Installs the toolchains in which the tests build guests where they are missing:
# Debian's clang and lld, Debian's cargo and Rust for WebAssembly, and the
# AssemblyScript compiler of guest/assemblyscript/package-lock.json; and minisign,
# which signs guests as `tenantedge guest sign` does. Prints what it
# could not install; the tests of those languages are skipped with a reason, or fail
# where TENANTEDGE_GUESTS=all, as on GitHub.
set -eu
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Reports whether build.sh finds a toolchain.
have() { [ -z "$(sh guest/examples/build.sh "$out" check "$1")" ]; }

packages=
have c || packages="clang lld"
have rust || packages="$packages cargo libstd-rust-dev-wasm32"
command -v minisign >/dev/null 2>&1 || packages="$packages minisign"
if [ -n "$packages" ] && command -v apt-get >/dev/null 2>&1; then
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		as_root=sudo
	fi
	echo "guests: installing Debian's packages" $packages
	$as_root apt-get update -q || true
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 $packages || true
fi

if ! have assemblyscript && command -v npm >/dev/null 2>&1; then
	echo "guests: installing the AssemblyScript compiler"
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/tenantedge/assemblyscript
	mkdir -p "$cache"
	cp guest/assemblyscript/package.json guest/assemblyscript/package-lock.json "$cache"
	npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund || true
fi

sh guest/examples/build.sh "$out" check | sed 's/^/guests: not installed, its tests will be skipped: /'
