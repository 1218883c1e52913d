#!/bin/sh
# Builds the examples that exist in several languages, and a guest for tests, into the
# folder $1, as NAME-LANGUAGE.wasm. Prints a line "LANGUAGE: reason" for each language whose
# toolchain is not installed, and leaves it out. Fails if a guest does not compile.
#
#	sh guest/examples/build.sh OUT [check] [LANGUAGE …]
#
# With check it builds nothing. .ci/guests.sh installs the toolchains.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")"
sources="minimal chatroom ../../edge/internal/wasm/wasmtest/testdata/probe"
if [ "${1-}" = check ]; then
	sources=
	shift
fi
[ $# -gt 0 ] || set -- go rust assemblyscript c

build_go() {
	GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false -buildmode=c-shared -o "$out/$2-go.wasm" "./$1"
}

build_rust() {
	(cd "$1/rust" && RUSTC=$rustc "$cargo" build --quiet --offline --locked --release --target-dir "$out/target")
	cp "$out/target/wasm32-unknown-unknown/release/$2.wasm" "$out/$2-rust.wasm"
}

# The compiler takes seconds.
build_assemblyscript() {
	built=$out/$2-assemblyscript.wasm
	[ -f "$built" ] && [ -z "$(find ../assemblyscript "$1/assemblyscript" "$compiler" -type f -newer "$built")" ] && return
	node "$compiler" "$1/assemblyscript/assembly/index.ts" --config ../assemblyscript/asconfig.json --path "$out/node_modules" \
		--outFile "$built"
}

build_c() {
	clang --target=wasm32 -std=c99 -pedantic -ffreestanding -nostdlib -O2 -mbulk-memory -Wall -Wextra -Werror -Wl,--no-entry -I ../c \
		-o "$out/$2-c.wasm" "$1/c/$2.c"
}

# The functions have_… set what the functions build_… need, or print what is missing.
have_go() { command -v go >/dev/null || ! echo "go is not on PATH"; }

have_c() { command -v clang >/dev/null && command -v wasm-ld >/dev/null || ! echo "clang and wasm-ld are not on PATH"; }

# The first rustc on PATH may have no standard library for WebAssembly, while Debian's has.
have_rust() {
	for bin in $(printf '%s' "$PATH" | tr ':' ' '); do
		rustc=$bin/rustc cargo=$bin/cargo
		[ -x "$rustc" ] && [ -x "$cargo" ] && [ -d "$("$rustc" --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ] && return
	done
	! echo "no cargo and rustc with the target wasm32-unknown-unknown are on PATH"
}

have_assemblyscript() {
	installed=${XDG_CACHE_HOME:-$HOME/.cache}/tenantedge/assemblyscript
	compiler=$installed/node_modules/assemblyscript/bin/asc.js
	command -v node >/dev/null && cmp -s ../assemblyscript/package-lock.json "$installed/package-lock.json" && [ -f "$compiler" ] ||
		! echo "node, or the compiler of guest/assemblyscript/package-lock.json, is not installed" || return
	# Where an import of "tenantedge" is found.
	mkdir -p "$out/node_modules"
	ln -sfn "$PWD/../assemblyscript" "$out/node_modules/tenantedge"
}

for language; do
	if ! reason=$("have_$language"); then
		echo "$language: $reason"
		continue
	fi
	"have_$language"
	for source in $sources; do
		"build_$language" "$source" "$(basename "$source")"
	done
done
