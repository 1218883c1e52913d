#!/bin/sh
# Builds the Debian package of the binary $1 for the architecture $2 (amd64, arm64)
# into the folder $3, as tenantedge_VERSION_ARCH.deb. The licences of its modules are
# in $3/THIRD_PARTY_NOTICES if that exists. VERSION replaces the version, that of the
# last tag. The same commit gives the same bytes on every machine.
set -eu
cd "$(dirname "$0")/.."

nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.1
export GOFLAGS= GOWORK=off LC_ALL=C
umask 022 # modes are in the package

binary=$1 out=$3
export ARCH=$2
# v0.1.0-3-g0123abc: three commits after 0.1.0. Without a tag: before all versions.
export VERSION="${VERSION:-$(git describe --tags --dirty --abbrev=12 2>/dev/null | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/; s/-dirty/+dirty/; s/-/~/g')}"
[ -n "$VERSION" ] || VERSION=0~git.$(git rev-parse --short=12 HEAD)
export SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"

FILES=$(mktemp -d)
trap 'rm -rf "$FILES"' EXIT
export FILES
cp "$binary" "$FILES/tenantedge"

go build -o "$FILES/host" ./edge/cmd/tenantedge # for this machine, which writes the documents
mkdir "$FILES/man"
"$FILES/host" man "$FILES/man"
gzip -9n "$FILES"/man/*
for shell in bash zsh fish; do
	"$FILES/host" completion "$shell" >"$FILES/$shell"
done
notices=$(dirname "$binary")/THIRD_PARTY_NOTICES
if [ -f "$notices" ]; then cat "$notices"; else echo "This package was built without the notices of third-party software."; fi | gzip -9n >"$FILES/THIRD_PARTY_NOTICES.gz"
cat >"$FILES/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tenantedge
Source: https://github.com/tenantedge/tenantedge

Files: *
Copyright: 2026 the authors of tenantedge
License: Apache-2.0
 On Debian systems, the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0. The licences of the modules in the
 binary are in /usr/share/doc/tenantedge/THIRD_PARTY_NOTICES.gz.
END
gzip -9n >"$FILES/changelog.gz" <<END
tenantedge ($VERSION) stable; urgency=medium

  * See https://github.com/tenantedge/tenantedge/blob/main/.github/CHANGELOG.md

 -- tenantedge <maintainers@tenantedge.dev>  $(date -u -R -d "@$SOURCE_DATE_EPOCH" 2>/dev/null || date -u -R -r "$SOURCE_DATE_EPOCH")
END
cp edge/cmd/tenantedge/packaging/lintian "$FILES/lintian"

go run "$nfpm" package --packager deb --config edge/cmd/tenantedge/packaging/nfpm.yaml --target "$out/tenantedge_${VERSION}_$ARCH.deb"
