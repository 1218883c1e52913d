#!/bin/sh
# Builds the image $1, such as tenantedge:latest, with buildah, podman or docker. With the
# binary in BINARY, it builds none.
set -eu
cd "$(dirname "$0")/.."

image=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "${BINARY:-}" ]; then
	cp "$BINARY" "$work/tenantedge"
else
	CGO_ENABLED=0 GOOS=linux go build -trimpath -o "$work/tenantedge" ./edge/cmd/tenantedge
fi
mkdir "$work/empty"
cp LICENSE "$work/"
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	[ ! -f "$file" ] || [ -f "$work/ca-certificates.crt" ] || cp "$file" "$work/ca-certificates.crt"
done
go run ./edge/cmd/tenantedge init "$work/tenantedge.yaml" --listen :8080 >/dev/null

for tool in buildah podman docker; do
	if command -v "$tool" >/dev/null; then break; fi
	tool=
done
[ -n "$tool" ] || { echo "image: expected buildah, podman or docker, found none; install one" >&2; exit 1; }
if [ "$tool" = buildah ]; then
	set -- build --format docker --isolation chroot # the OCI format has no health check
else
	set -- build
fi
"$tool" "$@" --file edge/cmd/tenantedge/packaging/Containerfile --tag "$image" "$work"
