#!/bin/sh
# Runs the tests that need no servers, for systems other than Debian. Needs only
# Go and a shell, such as Git's on Windows. Arguments are flags of `go test`.
set -eu
cd "$(dirname "$0")/.."

go test "$@" ./assets/... ./guest/... ./hostfuncs/... ./tenantdb ./tenantdb/file/... ./edge/config/... ./edge/tenant/... ./edge/session/... \
	./edge/internal/wasm/... ./edge/internal/meter/... ./edge/internal/pristine/... ./edge/internal/instance/...
