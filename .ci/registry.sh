#!/bin/sh
# Builds the OCI registry of the tests, in the version that they name, into the user's
# cache folder unless it is there. Needs only Go.
set -eu

echo "registry: building the tests' OCI registry if it is missing, which takes minutes"
go test -count=1 -v -timeout 30m -run '^TestProgramIsBuilt$' ./edge/internal/artifact/registrytest | grep registrytest/registry
