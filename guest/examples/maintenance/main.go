// Command maintenance is a guest that routes like the default guest, but sends the
// requests of a tenant whose attribute maintenance is "on" to a urlconf for
// maintenance. Others of the tenant's team may pass with a token. Without the token no
// guest is needed: tenants.default.status of the configuration does the rest.
//
//	directory: {source: postgres, attributes: [maintenance]}
//	urlconfs:
//	  app: {upstream: "http://127.0.0.1:8000"}
//	  maintenance: {reply: {status: 503, headers: {Retry-After: "600"}, body: "Back in ten minutes."}}
//	guest:
//	  path: maintenance.wasm
//	  settings:
//	    urlconf: maintenance
//	    token_sha256: 4e38… # printf %s "$TOKEN" | sha256sum; empty: everyone waits
//
// The token comes in the header X-Maintenance-Token. The settings have only its
// digest: choose a random token of at least 128 bits. The host removes the header,
// so the upstream does not see the token. A client that knows it passes for every
// tenant. Websocket handshakes match no route during maintenance; open websockets
// stay open.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o maintenance.wasm ./guest/examples/maintenance
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const tokenHeader = "X-Maintenance-Token"

var (
	byDefault guest.Default
	urlconf   string
	digest    []byte // SHA-256 of the token, empty if there is none
)

func configure(c *abi.Config) (abi.Configured, error) {
	urlconf, digest = "", nil
	var token string
	if err := guest.Settings(c, jsonread.Members{"urlconf": &urlconf, "token_sha256": &token}); err != nil {
		return abi.Configured{}, err
	}
	if urlconf == "" {
		return abi.Configured{}, errors.New("settings: urlconf is missing: expected the name of the urlconf for maintenance")
	}
	if digest, _ = hex.DecodeString(token); token != "" && len(digest) != sha256.Size {
		return abi.Configured{}, errors.New("settings: token_sha256: expected 64 hexadecimal digits")
	}
	return byDefault.Configure(c, abi.Configured{Name: "maintenance", Headers: []string{tokenHeader}, SetHeaders: []string{tokenHeader}})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant {
		return
	}
	if state, _ := byDefault.Attribute(d, "maintenance"); state != "on" || passes(byDefault.Headers(r)[0]) {
		return
	}
	d.URLConf, d.Reason = urlconf, "the tenant's attribute maintenance is on"
	d.RouteFound, d.WSURLConf = false, ""
}

// passes reports whether the request has the token.
func passes(token guest.Header) bool {
	if !token.Present || len(digest) == 0 {
		return false
	}
	sum := sha256.Sum256([]byte(token.Value))
	return subtle.ConstantTimeCompare(sum[:], digest) == 1
}
