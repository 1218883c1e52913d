#!/bin/sh
# Builds the released files into the folder $1, for all platforms or for those
# that follow, such as linux/amd64:
#
#	tenantedge-OS-ARCH           static binaries, .exe on Windows
#	tenantedge-OS-ARCH.cdx.json  an SBOM of each, in CycloneDX format
#	tenantedge_VERSION_ARCH.deb  Debian packages, for Linux
#	THIRD_PARTY_NOTICES          licences of all modules in the binaries
#	LICENSE
#	SHA256SUMS
#
# The same commit and release of Go give the same bytes on every machine.
set -eu
cd "$(dirname "$0")/.."

sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

out=$1
shift
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
# 12 digits, so that the number of objects in the clone does not change it.
version=$(git describe --tags --always --dirty --abbrev=12)
rm -rf "$out"
mkdir -p "$out"
export GOFLAGS= GOWORK=off LC_ALL=C

for platform; do
	os=${platform%/*} arch=${platform#*/}
	file=$out/tenantedge-$os-$arch
	[ "$os" != windows ] || file=$file.exe
	echo "release: $file $version"
	CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false \
		-ldflags="-s -w -buildid= -X main.version=$version" -o "$file" ./edge/cmd/tenantedge
	go run "$sbom" bin -json -noserial -notimestamp -version "$version" -output "${file%.exe}.cdx.json" "$file"
done

# Every module that a binary contains, and Go itself, with its licence files.
{
	echo "tenantedge contains the following third-party software."
	for module in go $(go version -m "$out"/tenantedge-*[!n] | awk '$1 == "dep" {print $2 "@" $3}' | sort -u); do
		if [ "$module" = go ]; then
			dir=$(go env GOROOT) name="the Go standard library $(go env GOVERSION)"
		else
			dir=$(go list -m -f '{{.Dir}}' "${module%@*}") name=$module
		fi
		found=
		for licence in "$dir"/LICEN[CS]E* "$dir"/COPYING* "$dir"/NOTICE* "$dir"/PATENTS; do
			[ -f "$licence" ] || continue
			found=yes
			printf '\n%s\n%s: %s\n\n' ================================================================ "$name" "$(basename "$licence")"
			tr -d '\r' <"$licence"
		done
		if [ -z "$found" ]; then
			echo "release: $name has no licence file in $dir" >&2
			exit 1
		fi
	done
} >"$out/THIRD_PARTY_NOTICES"
cp LICENSE "$out/"

for platform; do
	[ "${platform%/*}" != linux ] || sh .ci/deb.sh "$out/tenantedge-linux-${platform#*/}" "${platform#*/}" "$out"
done
(cd "$out" && sha256sum -- * >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
