//go:build !wasip1

package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// The keys of the tests and of cases.yaml. Their private parts are public.
var (
	private = ed25519.NewKeyFromSeed(make([]byte, 32))
	secret  = []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f")
	encode  = base64.RawURLEncoding.EncodeToString
)

const (
	now   = 1767225600 // tck.World's clock, and that of cases
	valid = `{"iss":"https://id.example.com","aud":"edge","sub":"user-7","tenant":"acme","exp":1767229200,"nbf":1767225600}`
)

func hs256(header, claims string) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func eddsa(header, claims string) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	return text + "." + encode(ed25519.Sign(private, []byte(text)))
}

// byPublicKey signs as an attacker who takes the public key for a secret.
func byPublicKey(header, claims string) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, private.Public().(ed25519.PublicKey))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

const (
	hsHeader = `{"alg":"HS256","typ":"JWT","kid":"2026b"}`
	edHeader = `{"alg":"EdDSA","typ":"JWT","kid":"2026a"}`
)

func settingsJSON() string {
	return `{"issuer":"https://id.example.com","audience":"edge","claim":"tenant","leeway":30,"keys":{
		"2026a":{"alg":"EdDSA","key":"` + encode(private.Public().(ed25519.PublicKey)) + `"},
		"2026b":{"alg":"HS256","key":"` + encode(secret) + `"}}}`
}

func with(old, new string) string { return strings.Replace(valid, old, new, 1) }

// tokens has tokens with the schema that each gets, and a part of the reason if it
// gets none.
var tokens = []struct{ name, token, schema, reason string }{
	{"HS256", hs256(hsHeader, valid), "acme", ""},
	{"EdDSA", eddsa(edHeader, valid), "acme", ""},
	{"an audience in a list", eddsa(edHeader, with(`"edge"`, `["other","edge"]`)), "acme", ""},
	{"expired within the leeway", hs256(hsHeader, with("1767229200", "1767225571")), "acme", ""},
	{"valid within the leeway", hs256(hsHeader, with(`"nbf":1767225600`, `"nbf":1767225630`)), "acme", ""},
	{"without nbf", hs256(hsHeader, with(`,"nbf":1767225600`, ``)), "acme", ""},
	{"without typ", hs256(`{"kid":"2026b","alg":"HS256"}`, valid), "acme", ""},

	{"empty", "", "", "three parts"},
	{"two parts", "a.b", "", "three parts"},
	{"four parts", hs256(hsHeader, valid) + ".", "", "three parts"},
	{"alg none", encode([]byte(`{"alg":"none","kid":"2026b"}`)) + "." + encode([]byte(valid)) + ".", "", "alg"},
	{"alg none without a kid", encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(valid)) + ".", "", "no key"},
	{"no signature", strings.TrimRight(hs256(hsHeader, valid), "-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), "", "signature"},
	{"no EdDSA signature", strings.TrimRight(eddsa(edHeader, valid), "-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), "", "signature"},
	{"the public key as an HS256 secret", byPublicKey(`{"alg":"HS256","kid":"2026a"}`, valid), "", "alg"},
	{"the public key as a secret, with the alg of the key", byPublicKey(edHeader, valid), "", "signature"},
	{"EdDSA with the kid of a secret", eddsa(`{"alg":"EdDSA","kid":"2026b"}`, valid), "", "alg"},
	{"alg in another case", hs256(`{"alg":"hs256","kid":"2026b"}`, valid), "", "alg"},
	{"an unknown kid", hs256(`{"alg":"HS256","kid":"2025"}`, valid), "", "kid"},
	{"alg twice", hs256(`{"alg":"none","alg":"HS256","kid":"2026b"}`, valid), "", "header"},
	{"crit", hs256(`{"alg":"HS256","kid":"2026b","crit":["exp"]}`, valid), "", "crit"},
	{"another typ", hs256(`{"alg":"HS256","kid":"2026b","typ":"at+jwt"}`, valid), "", "typ"},
	{"a header with text after it", hs256(hsHeader+"x", valid), "", "header"},
	{"a long header", hs256(`{"alg":"HS256","kid":"2026b","x":"`+strings.Repeat("x", 400)+`"}`, valid), "", "header"},
	{"another claim", strings.Replace(hs256(hsHeader, valid), encode([]byte(valid)), encode([]byte(with("acme", "beta"))), 1), "", "signature"},

	{"expired", hs256(hsHeader, with("1767229200", "1767225570")), "", "expired"},
	{"without exp", hs256(hsHeader, with(`,"exp":1767229200`, ``)), "", "expired"},
	{"claims that are nested too deeply for a guest's stack", hs256(hsHeader, with(`"aud"`, `"x":`+strings.Repeat("[", 900)+strings.Repeat("]", 900)+`,"aud"`)), "", "malformed"},
	{"exp null", hs256(hsHeader, with("1767229200", "null")), "", "expired"},
	{"exp as a string", hs256(hsHeader, with("1767229200", `"1767229200"`)), "", "malformed"},
	{"exp over 64 bits", hs256(hsHeader, with("1767229200", "99999999999999999999")), "", "malformed"},
	{"exp twice", hs256(hsHeader, with(`"exp"`, `"exp":1,"exp"`)), "", "malformed"},
	{"exp again in another case", hs256(hsHeader, with(`"exp"`, `"EXP":1,"exp"`)), "", "malformed"},
	{"exp with the largest number", hs256(hsHeader, with("1767229200", "9223372036854775807")), "acme", ""},
	{"not valid yet", hs256(hsHeader, with(`"nbf":1767225600`, `"nbf":1767225631`)), "", "not valid yet"},
	{"another issuer", hs256(hsHeader, with("https://id.example.com", "https://id.example.com/")), "", "issuer"},
	{"another audience", hs256(hsHeader, with(`"edge"`, `"edge2"`)), "", "audience"},
	{"no audience in a list", hs256(hsHeader, with(`"edge"`, `[]`)), "", "audience"},
	{"an audience in a list in a list", hs256(hsHeader, with(`"edge"`, `[["edge"]]`)), "", "malformed"},
	{"without a tenant", hs256(hsHeader, with(`"tenant":"acme",`, ``)), "", "no tenant"},
	{"the tenant twice", hs256(hsHeader, with(`"tenant"`, `"tenant":"beta","tenant"`)), "", "malformed"},
	{"the tenant twice, with an escape", hs256(hsHeader, with(`"tenant"`, `"\u0074enant":"beta","tenant"`)), "", "malformed"},
	{"the tenant's id", hs256(hsHeader, with("acme", "7")), "", "no tenant has this schema"},
	{"an unknown tenant", hs256(hsHeader, with("acme", "none")), "", ""},
	{"a subject with a line feed", hs256(hsHeader, with("user-7", `a\nb`)), "", "subject"},
	{"claims with text after them", hs256(hsHeader, valid+"{}"), "", "malformed"},
	{"claims that are no object", hs256(hsHeader, "null"), "", "expired"},

	{"padding", hs256(hsHeader, valid) + "=", "", "base64url"},
	{"a line feed in the signature", hs256(hsHeader, valid) + "\n", "", "base64url"},
	{"a space at the end", hs256(hsHeader, valid) + " ", "", "base64url"},
	{"bits after the signature", nonCanonical(hs256(hsHeader, valid)), "", "base64url"},
	{"the alphabet of base64", strings.NewReplacer("-", "+", "_", "/").Replace(eddsa(edHeader, valid)), "", "base64url"},
	{"huge", hs256(hsHeader, with("user-7", strings.Repeat("x", 5000))), "", "4096"},
}

// nonCanonical sets a bit of the last character that belongs to no byte.
func nonCanonical(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

func TestOnlyValidTokensFindATenant(t *testing.T) {
	host := &tck.World{Tenants: []tck.Tenant{{ID: "7", Schema: "acme"}, {ID: "8", Schema: "beta"}}}
	guesttest.Configure(t, host, `{"routers":["domain"],"default":{},"settings":`+settingsJSON()+`}`)
	for _, c := range tokens {
		d := guesttest.Route(t, &guest.Request{
			Host: "api.example.com", Target: "/x",
			Headers: []guest.Header{{}, {Value: "Bearer " + c.token, Present: true}},
		})
		if found := d.Outcome == abi.Tenant; found != (c.schema != "") || d.Schema != c.schema || !strings.Contains(d.Reason, c.reason) {
			t.Errorf("%s: outcome %s, schema %q, reason %q: expected schema %q, reason %q", c.name, d.Outcome, d.Schema, d.Reason, c.schema, c.reason)
		}
	}
}

// Under strict rules, the default guest reads the tenant header in several spellings.
func TestTheTokenReplacesATenantHeaderUnderStrictRules(t *testing.T) {
	host := &tck.World{Tenants: []tck.Tenant{{ID: "7", Schema: "acme"}, {ID: "8", Schema: "beta"}}}
	c := guesttest.Configure(t, host, `{"compat":"strict","tenant_header":"X-Tenant","routers":["header"],"default":{},"settings":`+settingsJSON()+`}`)
	forged := guest.Header{Value: "beta", Present: true}
	headers := make([]guest.Header, len(c.Headers))
	for i := range headers {
		headers[i] = forged
	}
	headers[len(headers)-1] = guest.Header{Value: "Bearer " + tokens[0].token, Present: true}
	if d := guesttest.Route(t, &guest.Request{Host: "api.example.com", Target: "/x", Trusted: true, Headers: headers}); len(c.Headers) < 3 || d.Schema != "acme" {
		t.Errorf("with headers %q: schema %q, reason %q: expected acme, and several spellings of X-Tenant", c.Headers, d.Schema, d.Reason)
	}
	headers[len(headers)-1] = guest.Header{}
	if d := guesttest.Route(t, &guest.Request{Host: "api.example.com", Target: "/x", Trusted: true, Headers: headers}); d.Schema != "" {
		t.Errorf("without a token: schema %q, expected none", d.Schema)
	}
}

func TestWrongSettingsAreRejectedWithoutTheKey(t *testing.T) {
	short := encode(secret[:31])
	for _, c := range []struct{ old, new, want string }{
		{"HS256", "EdDSA", ""}, {`"HS256","key":"` + encode(secret), `"HS256","key":"` + short, "at least 32 bytes"},
		{"HS256", "none", "alg to be HS256 or EdDSA"}, {`"key":"AA`, `"key":"=A`, "base64url"}, {`"leeway":30`, `"leeway":-1`, "0 to 300"},
		{`"issuer"`, `"isuer"`, "found isuer"}, {`"tenant"`, `""`, "expected issuer, audience, claim and keys"},
	} {
		_, err := readSettings(&abi.Config{Settings: abi.JSON(strings.Replace(settingsJSON(), c.old, c.new, 1))})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s instead of %s: error %v, want %q", c.new, c.old, err, c.want)
		case err != nil && (strings.Contains(err.Error(), short) || strings.Contains(err.Error(), encode(secret))):
			t.Errorf("the error contains the key: %v", err)
		}
	}
}

// A token that is accepted is one of the valid ones.
func FuzzToken(f *testing.F) {
	s, err := readSettings(&abi.Config{Settings: abi.JSON(settingsJSON())})
	if err != nil {
		f.Fatal(err)
	}
	accepted := map[string]bool{}
	for _, c := range tokens {
		f.Add(c.token)
		_, err := s.verify(c.token, now)
		accepted[c.token] = err == nil
	}
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := s.verify(token, now); err == nil && !accepted[token] {
			t.Errorf("%q is accepted for tenant %q", token, c.tenant)
		}
	})
}

// FuzzClaims reads claims as after a valid signature.
func FuzzClaims(f *testing.F) {
	s, err := readSettings(&abi.Config{Settings: abi.JSON(settingsJSON())})
	if err != nil {
		f.Fatal(err)
	}
	for _, claims := range []string{valid, `{"aud":["edge"]}`, `{"exp":-1}`, `null`, ``} {
		f.Add([]byte(claims), int64(now))
	}
	f.Fuzz(func(t *testing.T, document []byte, at int64) {
		if c, err := s.read(document, at%(1<<40)); err == nil && (c.tenant == "" || !isHeaderValue(c.subject)) {
			t.Errorf("%q is accepted with %+v", document, c)
		}
	})
}

// cases.yaml has some of the tokens.
func TestTheCasesHaveTheTokensOfThisTest(t *testing.T) {
	text, err := os.ReadFile("cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, c := range tokens {
		made[c.token] = true
	}
	n := 0
	for rest := string(text); ; n++ {
		var token string
		if _, rest, _ = strings.Cut(rest, "Bearer "); rest == "" {
			break
		}
		if token, _, _ = strings.Cut(rest, `"`); !made[token] {
			t.Errorf("cases.yaml has the token %q, which this test does not make", token)
		}
	}
	if n == 0 {
		t.Error("cases.yaml has no tokens")
	}
}

// For each weak key, a signature that was made without a private key is valid for
// some token. Settings with such a key are refused.
func TestKeysForWhichEverybodyCanSignAreRefused(t *testing.T) {
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1 // R is the neutral element, S is 0
	for _, key := range weakKeys {
		for _, sign := range []byte{0, 0x80} {
			public := []byte(key)
			public[31] |= sign
			forged := 0
			for message := range 100 {
				if ed25519.Verify(public, []byte{byte(message)}, signature) {
					forged++
				}
			}
			if forged == 0 {
				t.Errorf("%x: no signature is valid, so it is no weak key", public)
			}
			text := strings.Replace(settingsJSON(), encode(private.Public().(ed25519.PublicKey)), encode(public), 1)
			if _, err := readSettings(&abi.Config{Settings: []byte(text)}); err == nil || !strings.Contains(err.Error(), "not one for which everybody can sign") {
				t.Errorf("%x: %v", public, err)
			}
		}
	}
	if isWeak(private.Public().(ed25519.PublicKey)) {
		t.Error("the key of the tests counts as weak")
	}
}
