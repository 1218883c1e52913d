#!/bin/sh
# Runs the tests of the engine and of the guest's packages as arm64 binaries
# under qemu's user-mode emulation, or directly on an arm64 machine. Installs
# Debian's qemu-user where it is missing. With the argument short, it leaves out
# most tests of the engine, which take minutes under qemu.
set -eu
cd "$(dirname "$0")/.."

packages='./edge/internal/wasm ./edge/internal/meter ./edge/internal/pristine ./edge/internal/instance ./guest/...'
[ "${1-}" != short ] || packages='./edge/internal/wasm ./guest/...'

run= skip='^$'
if [ "$(go env GOARCH)" != arm64 ]; then
	if ! command -v qemu-aarch64 >/dev/null 2>&1; then
		if ! command -v apt-get >/dev/null 2>&1; then
			echo "arm64: qemu-aarch64 is not on PATH and there is no apt-get: install qemu-user" >&2
			exit 1
		fi
		as_root=
		[ "$(id -u)" -eq 0 ] || as_root=sudo
		echo "arm64: installing Debian's qemu-user"
		$as_root apt-get update -q
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends qemu-user
	fi
	run="-exec=$(command -v qemu-aarch64)"
	# qemu ignores limits of the address space.
	skip='TestNothingLeaksWhenTheSystemRefuses'
	# The test starts itself, and the kernel cannot start arm64 programs.
	skip="$skip|TestFuelIsTheSameInAnotherProcess"
	# The test compares times, which qemu changes.
	skip="$skip|TestNoShapeCostsMoreThanItsFuel_D3_D4"
	# The case compiles 100,000 calls in a row, which takes minutes.
	skip="$skip|TestCallsOfTheHostAreStoppedByFuelAndTime_D2/straight_code,_by_time"
	echo "arm64: using $(qemu-aarch64 --version | head -n 1)"
fi

# shellcheck disable=SC2086 # packages is a list, run an option with its value or nothing
GOARCH=arm64 CGO_ENABLED=0 go test -count=1 -short -timeout 20m -skip "$skip" $run $packages
if [ "${1-}" = short ]; then
	# Runs the default guest, rewritten and compiled for arm64, on every golden case.
	GOARCH=arm64 CGO_ENABLED=0 go test -count=1 -timeout 20m -run TestFuelOfEveryGoldenCase $run ./edge/internal/instance
fi
