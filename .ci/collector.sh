#!/bin/sh
# Builds an OpenTelemetry collector with its builder into the folder $1, unless it is
# there. The tests of traces send spans to it. It receives OTLP, and passes it on as
# JSON by HTTP. Needs only Go.
set -eu
version=v0.165.0
stable=v1.71.0

mkdir -p "$1"
out=$(cd "$1" && pwd)
[ ! -x "$out/otelcol" ] || exit 0
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

echo "collector: building the OpenTelemetry collector $version, which takes minutes"
cat >"$work/builder.yaml" <<YAML
dist: {name: otelcol, output_path: $work/source}
receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $version}]
exporters: [{gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter $version}]
providers: [{gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider $stable}]
conf_resolver: {default_uri_scheme: file}
YAML
cd "$work"
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
GOFLAGS= GOBIN=$work go install "go.opentelemetry.io/collector/cmd/builder@$version"
./builder --config builder.yaml --skip-compilation
cd source
nice go build -trimpath -ldflags="-s -w" -o "$out/otelcol.new" .
mv "$out/otelcol.new" "$out/otelcol"
