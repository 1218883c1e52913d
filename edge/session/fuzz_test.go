package session

import (
	"context"
	"encoding/base64"
	"net/http"
	"testing"
)

// Only signed text passes.
func FuzzUnsign(f *testing.F) {
	all := load(f)
	signed := map[string]bool{}
	for _, c := range all.Cases {
		if c.Backend == "signed_cookies" && c.Salt == "" {
			signed[c.Value] = c.Invalid != "forged"
		}
		f.Add(c.Value)
	}
	f.Add("::")
	f.Add(".:0:")
	r, _ := all.reader(f, all.named(f, "signed_cookies", "tenant"))
	f.Fuzz(func(t *testing.T, cookie string) {
		if _, _, err := r.signer.unsign(cookie); err == nil && !signed[cookie] {
			t.Fatalf("%q is accepted as signed", cookie)
		}
		if _, err := r.Session(context.Background(), request("sessionid="+cookie).Header); err != nil {
			t.Fatalf("%q: %v", cookie, err)
		}
	})
}

// Payloads have Django's signature, but no payload may cause a panic: the key may
// have leaked.
func FuzzDecode(f *testing.F) {
	for _, raw := range []string{`{"tenant":"t1"}`, `{}`, `null`, "\x80\x04}", "(dp0\n.", `{"a":NaN}`, "\x78\x9c\xabV*I\xccKO-Q\xb2RP*1T\xaa\x05\x00\x2c\xfc\x04\xd7"} {
		payload := base64.RawURLEncoding.EncodeToString([]byte(raw))
		f.Add(payload)
		f.Add("." + payload)
	}
	for _, c := range load(f).Cases {
		f.Add(c.Value)
	}
	var p payloads
	f.Fuzz(func(t *testing.T, payload string) {
		data, err := p.decode(payload)
		if (data == nil) == (err == nil) {
			t.Fatalf("%q: %s, %v", payload, data, err)
		}
	})
}

// The header that is passed on has at most one session cookie, which net/http
// reads as the edge does.
func FuzzCookies(f *testing.F) {
	for _, line := range []string{"sessionid=a", "a=1; sessionid=a; sessionid=b", "\xa0sessionid=a", `x="; sessionid=b`, "%73essionid=a", "=sessionid=a", "sessionid[x]=a", "x,sessionid=b"} {
		f.Add(line, "")
		f.Add("sessionid=c", line)
	}
	r := &Reader{cookie: "sessionid", table: &table{}}
	f.Fuzz(func(t *testing.T, a, b string) {
		clean := r.CleanSession(http.Header{"Cookie": {a, b}})
		c := r.cookieOf(clean)
		if !c.sole || r.cookieOf(http.Header{"Cookie": {a, b}}).value != c.value {
			t.Fatalf("%q, %q: %q is passed on", a, b, clean["Cookie"])
		}
		for i, got := range (&http.Request{Header: clean}).CookiesNamed("sessionid") {
			if i > 0 || got.Value != c.value {
				t.Fatalf("%q, %q: net/http reads %q of %q", a, b, got.Value, clean["Cookie"])
			}
		}
		r.RemoveSession(clean)
		if r.cookieOf(clean).found {
			t.Fatalf("%q, %q: %q remains", a, b, clean["Cookie"])
		}
	})
}
