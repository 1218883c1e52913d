#!/bin/sh
# Builds Caddy and Traefik, for `make decide-servers`, into the folder $1 unless they
# are there.
#
# Traefik is no module that can be installed: its go.mod replaces modules, and its zip
# lacks the files of its user interface and a nested module with two empty types. It is
# built without the DNS providers of ACME, which need hundreds of modules, and if the
# module proxy lacks its fork of go-http-auth, without basic and digest authentication.
set -eu
caddy=v2.11.9
traefik=v3.7.13

mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off

if [ ! -x "$out/caddy" ]; then
	echo "proxies: building Caddy $caddy"
	GOFLAGS= GOBIN=$out go install -trimpath "github.com/caddyserver/caddy/v2/cmd/caddy@$caddy"
fi
[ ! -x "$out/traefik" ] || exit 0

# copy MODULE@VERSION FOLDER: a copy of a module that can be changed.
copy() {
	cp -r "$(go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')" "$work/$2"
	chmod -R u+w "$work/$2"
}

echo "proxies: building Traefik $traefik"
cd "$work"
copy "github.com/traefik/traefik/v3@$traefik" traefik
cd traefik
echo none >webui/static/index.html
mkdir -p pkg/config/dynamic/ext
printf 'module github.com/traefik/traefik/dynamic/ext\n\ngo 1.26\n' >pkg/config/dynamic/ext/go.mod
printf 'package ext\n\ntype (\n\tHTTP   struct{}\n\tRouter struct{}\n)\n' >pkg/config/dynamic/ext/ext.go

if ! go mod download github.com/abbot/go-http-auth 2>/dev/null; then
	copy github.com/abbot/go-http-auth@v0.4.0 auth
	rm -rf ../auth/examples ../auth/*_test.go
	{
		printf 'module github.com/abbot/go-http-auth\n\ngo 1.26\n\nrequire (\n'
		grep -E '^\sgolang.org/x/(crypto|net) ' go.mod
		echo ')'
	} >../auth/go.mod
	cat >../auth/fork.go <<'GO'
package auth

import "net/http"

func CheckSecret(password, secret string) bool { return false }

func (a *DigestAuth) RequireAuthStale(w http.ResponseWriter, r *http.Request) { a.RequireAuth(w, r) }
GO
	go mod edit -replace=github.com/abbot/go-http-auth=../auth
fi

copy "github.com/go-acme/lego/v5@$(go list -m -f '{{.Version}}' github.com/go-acme/lego/v5)" lego
rm -rf ../lego/providers/dns/*
cat >../lego/providers/dns/dns.go <<'GO'
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("unknown DNS provider: %s", name)
}
GO
go mod edit -replace=github.com/go-acme/lego/v5=../lego
nice go build -trimpath -ldflags="-s -w" -o "$out/traefik" ./cmd/traefik
