// Command jwt is a guest that finds the tenant by a claim of the signed JSON Web
// Token (RFC 7519) in the header Authorization. It verifies HS256 and EdDSA
// (Ed25519) itself: no request leaves the guest.
//
//	guest:
//	  path: jwt.wasm
//	  settings:
//	    issuer: https://id.example.com
//	    audience: edge
//	    claim: tenant # contains the schema of the tenant
//	    leeway: 30    # seconds that clocks may differ
//	    keys:         # by the kid of a token; key is base64url without padding
//	      2026a: {alg: EdDSA, key: O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik}
//	      2026b: {alg: HS256, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8}
//
// A token needs kid, iss, aud, exp and the claim. The key decides the algorithm:
// alg must be the same, so neither "none" nor an EdDSA key used as an HS256 secret
// passes. Tokens with crit, with a claim twice, over 4 KiB or in any other spelling
// than the one that RFC 7515 defines are refused.
//
// The upstream gets the claim sub in X-Token-Subject, which a client cannot set.
// Who has a token is the tenant until it expires: there is no revocation. On a domain
// of another tenant it gets 421. All HS256 keys can sign, so prefer EdDSA, and
// keep the configuration secret if it has an HS256 key: settings have no variables.
// The guest logs neither keys nor tokens.
//
// A request without a valid token gets 404, the answer of the contract to a request
// without a tenant; `tenantedge eval` shows why.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o jwt.wasm ./guest/examples/jwt
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const subjectHeader = "X-Token-Subject"

var (
	byDefault guest.Default
	config    settings
)

func configure(c *abi.Config) (abi.Configured, error) {
	var err error
	if config, err = readSettings(c); err != nil {
		return abi.Configured{}, err
	}
	return byDefault.ConfigureNamed(c, abi.Configured{Name: "jwt", Headers: []string{"Authorization"}, SetHeaders: []string{subjectHeader}})
}

func route(r *guest.Request, d *guest.Decision) {
	scheme, token, _ := strings.Cut(byDefault.Headers(r)[0].Value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		d.Refuse(abi.Missing, "the request has no bearer token")
		return
	}
	c, err := config.verify(token, guest.Now()/1e9)
	if err != nil {
		d.Refuse(abi.Missing, "the token is refused: "+err.Error())
		return
	}
	byDefault.RouteNamed(r, d, c.tenant)
	if d.Outcome == abi.Tenant && c.subject != "" {
		d.Headers = append(d.Headers, subjectHeader, c.subject)
	}
}
