// Command canary is a guest that routes like the default guest, but serves some
// requests from the urlconf of the next release: those with a token in the header
// X-Canary or in the cookie canary, and a part of the clients of some tenants.
//
//	urlconfs:
//	  app: {upstream: "http://127.0.0.1:8000"}
//	  next: {upstream: "http://127.0.0.1:8001"}
//	guest:
//	  path: canary.wasm
//	  settings:
//	    urlconf: next
//	    token_sha256: 4e38… # printf %s "$TOKEN" | sha256sum; empty: no token
//	    tenants: [acme]     # their clients get the release without a token
//	    percent: 10         # of their clients; default 100
//	    client_cookie: uid  # names the client for percent
//
// The upstream gets X-Release with "canary" or "stable", and neither the client's
// header X-Release nor the token in X-Canary. The settings have only the digest of
// the token: choose a random one of at least 128 bits. Clients of the listed
// tenants can choose their release by changing their cookie; a client without the
// cookie gets the stable one. Other clients need the token.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o canary.wasm ./guest/examples/canary
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const (
	tokenHeader   = "X-Canary"
	tokenCookie   = "canary"
	releaseHeader = "X-Release"
)

var (
	byDefault guest.Default
	config    settings
)

type settings struct {
	urlconf      string
	digest       []byte // SHA-256 of the token, empty if there is none
	tenants      []string
	percent      int
	clientCookie string
}

func configure(c *abi.Config) (abi.Configured, error) {
	config = settings{percent: 100}
	var token string
	err := guest.Settings(c, jsonread.Members{
		"urlconf": &config.urlconf, "token_sha256": &token, "tenants": &config.tenants, "percent": &config.percent, "client_cookie": &config.clientCookie,
	})
	config.digest, _ = hex.DecodeString(token)
	switch {
	case err != nil:
	case config.urlconf == "":
		err = errors.New("settings: urlconf is missing: expected the name of the release's urlconf")
	case token != "" && len(config.digest) != sha256.Size:
		err = errors.New("settings: token_sha256: expected 64 hexadecimal digits")
	case config.percent < 0 || config.percent > 100:
		err = errors.New("settings: percent: expected 0 to 100")
	case config.percent < 100 && config.clientCookie == "":
		err = errors.New("settings: client_cookie is missing: percent needs the name of a cookie")
	}
	if err != nil {
		return abi.Configured{}, err
	}
	return byDefault.Configure(c, abi.Configured{
		Name: "canary", Headers: []string{tokenHeader, "Cookie"}, SetHeaders: []string{tokenHeader, releaseHeader},
	})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant {
		return
	}
	own, release := byDefault.Headers(r), "stable"
	if hasToken(own[0].Value, own[1].Value) || isChosen(d.Schema, own[1].Value) {
		d.URLConf, release = config.urlconf, "canary"
	}
	d.Headers = append(d.Headers, releaseHeader, release)
}

// hasToken reports whether the header or the cookie has the token.
func hasToken(header, cookies string) bool {
	cookie, _ := guest.Cookie(cookies, tokenCookie)
	for _, token := range [...]string{header, cookie} {
		if token != "" && len(config.digest) > 0 {
			sum := sha256.Sum256([]byte(token))
			if subtle.ConstantTimeCompare(sum[:], config.digest) == 1 {
				return true
			}
		}
	}
	return false
}

// isChosen reports whether the client is one of the tenant's that get the release.
func isChosen(schema, cookies string) bool {
	if !slices.Contains(config.tenants, schema) {
		return false
	}
	if config.percent == 100 {
		return true
	}
	client, ok := guest.Cookie(cookies, config.clientCookie)
	return ok && client != "" && guest.Bucket(100, config.urlconf, schema, client) < config.percent
}
