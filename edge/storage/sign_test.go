package storage

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func signer(t testing.TB, ids ...string) *Signer {
	t.Helper()
	var keys []Key
	for _, id := range ids {
		keys = append(keys, Key{id, bytes.Repeat([]byte(id), 16)})
	}
	s, err := NewSigner(keys...)
	must(t, err)
	return s
}

func TestF7ASignatureBindsAllThatItIsFor(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	granted := Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a.txt", Expires: now.Add(time.Hour)}
	s := signer(t, "k1", "k2")
	for _, c := range []struct {
		name    string
		change  func(*Grant, url.Values, *time.Time)
		allowed bool
	}{
		{"nothing", func(*Grant, url.Values, *time.Time) {}, true},
		{"HEAD instead of GET", func(g *Grant, _ url.Values, _ *time.Time) { g.Method = "HEAD" }, true},
		{"parameters of others", func(_ *Grant, q url.Values, _ *time.Time) { q.Set("download", "1") }, true},
		{"the last second", func(_ *Grant, _ url.Values, at *time.Time) { *at = at.Add(time.Hour - 1) }, true},
		{"expired", func(_ *Grant, _ url.Values, at *time.Time) { *at = at.Add(time.Hour) }, false},
		{"the tenant", func(g *Grant, _ url.Values, _ *time.Time) { g.Tenant = "other" }, false},
		{"the path", func(g *Grant, _ url.Values, _ *time.Time) { g.Path += "x" }, false},
		{"a letter moved from tenant to method", func(g *Grant, _ url.Values, _ *time.Time) { g.Tenant, g.Method = "acm", "eGET" }, false},
		{"the method", func(g *Grant, _ url.Values, _ *time.Time) { g.Method = "DELETE" }, false},
		{"the expiry", func(_ *Grant, q url.Values, _ *time.Time) { q.Set(expiresParameter, "1900000000") }, false},
		{"the spelling of the expiry", func(_ *Grant, q url.Values, _ *time.Time) { q.Set(expiresParameter, "+"+q.Get(expiresParameter)) }, false},
		{"the key", func(_ *Grant, q url.Values, _ *time.Time) { q.Set(keyParameter, "k2") }, false},
		{"to a key that there is not", func(_ *Grant, q url.Values, _ *time.Time) { q.Set(keyParameter, "k3") }, false},
		{"the signature", func(_ *Grant, q url.Values, _ *time.Time) {
			q.Set(signatureParameter, "A"+q.Get(signatureParameter)[1:])
		}, false},
		{"to a short signature", func(_ *Grant, q url.Values, _ *time.Time) { q.Set(signatureParameter, "") }, false},
		{"no signature", func(_ *Grant, q url.Values, _ *time.Time) { q.Del(signatureParameter) }, false},
		{"two signatures", func(_ *Grant, q url.Values, _ *time.Time) { q.Add(signatureParameter, q.Get(signatureParameter)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, query, at := granted, s.Sign(granted), now
			c.change(&g, query, &at)
			if err := s.Verify(g, query.Encode(), at); (err == nil) != c.allowed || err != nil && !errors.Is(err, ErrSignature) {
				t.Errorf("%v, allowed should be %v", err, c.allowed)
			}
		})
	}
}

func TestF7KeysRotate(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	g := Grant{Tenant: "acme", Method: "GET", Path: "/a", Expires: now.Add(time.Hour)}
	old := signer(t, "k1").Sign(g)
	must(t, signer(t, "k2", "k1").Verify(g, old.Encode(), now))
	if err := signer(t, "k2").Verify(g, old.Encode(), now); !errors.Is(err, ErrSignature) {
		t.Errorf("%v: a key that was dropped still verifies", err)
	}
	if err := signer(t, "k1").Verify(g, signer(t, "k2", "k1").Sign(g).Encode(), now); !errors.Is(err, ErrSignature) {
		t.Errorf("%v: the first key does not sign", err)
	}
	long := bytes.Repeat([]byte("s"), 16)
	for name, keys := range map[string][]Key{
		"none": nil, "without id": {{"", long}}, "the same id twice": {{"a", long}, {"a", long}}, "a short secret": {{"a", long[:15]}},
	} {
		if _, err := NewSigner(keys...); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
}

func FuzzVerifyRefusesWhatWasNotSigned(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	s := signer(f, "k1")
	g := Grant{Tenant: "acme", Method: "GET", Path: "/a", Expires: now.Add(time.Hour)}
	signed := s.Sign(g)
	f.Add(signed.Encode(), "acme", "GET", "/a")
	f.Add("te-expires=1800003600&te-key=k1&te-signature=", "acme", "GET", "/a")
	f.Add("te-expires=9999999999999999999&te-key=k1&te-signature=AAAA", "", "", "")
	f.Fuzz(func(t *testing.T, text, tenant, method, path string) {
		query, _ := url.ParseQuery(text) // as much as it can parse
		other := Grant{Tenant: tenant, Method: method, Path: path}
		same := tenant == g.Tenant && (method == g.Method || method == "HEAD") && path == g.Path && query.Get(signatureParameter) == signed.Get(signatureParameter)
		if err := s.Verify(other, text, now); err == nil && !same {
			t.Errorf("%q verifies for %+v", text, other)
		}
	})
}

// A signature has one encoding.
func TestAnotherSpellingOfASignatureIsRefused_C9(t *testing.T) {
	s, err := NewSigner(Key{"k", []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	g := Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a", Expires: now.Add(time.Hour)}
	for _, name := range []string{expiresParameter, keyParameter, signatureParameter} {
		for _, change := range []func(string) string{
			func(v string) string { return v + "\r\n" }, func(v string) string { return v[:1] + "\n" + v[1:] }, func(v string) string { return "\r" + v },
			func(v string) string { return v + "=" }, func(v string) string { return v + " " }, func(v string) string { return " " + v },
			func(v string) string { return v + "\x00" }, func(v string) string { return v + "A" }, func(v string) string { return "+" + v }, func(v string) string { return "0" + v },
		} {
			query := s.Sign(g)
			query[name] = []string{change(query[name][0])}
			if err := s.Verify(g, query.Encode(), now); err == nil {
				t.Errorf("%s=%q verifies", name, query[name][0])
			}
		}
		query := s.Sign(g)
		query[name] = append(query[name], query[name][0])
		if err := s.Verify(g, query.Encode(), now); err == nil {
			t.Errorf("%s twice verifies", name)
		}
	}
	query := s.Sign(g)
	mac := query[signatureParameter][0]
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, last := range digits { // the last digit has two unused bits
		other := mac[:len(mac)-1] + string(last)
		query[signatureParameter] = []string{other}
		if err := s.Verify(g, query.Encode(), now); (err == nil) != (other == mac) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

func TestAnotherSpellingOfTheQueryIsRefused_C9(t *testing.T) {
	s, err := NewSigner(Key{"k+1 é", []byte("0123456789abcdef")})
	must(t, err)
	now := time.Now()
	g := Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a", Expires: now.Add(time.Hour)}
	signed := s.Sign(g).Encode()
	for _, name := range signatureParameters {
		value := url.QueryEscape(s.Sign(g).Get(name))
		own := name + "=" + value
		first := fmt.Sprintf("%%%02X", value[0])
		if value[0] == '%' {
			first = "k"
		}
		for _, other := range []string{
			name + "=" + first + value[1:],
			name + "=" + strings.ToLower(first) + value[1:] + "%",
			strings.Replace(name, "-", "%2D", 1) + "=" + value,
			strings.Replace(name, "-", "%2d", 1) + "=" + value,
			"%74" + name[1:] + "=" + value,
			name + "%3D" + value, name + "==" + value, name + "=" + value + "=", name,
			own + ";", ";" + own, own + ";a=b", "a=b;" + own, own + ";" + own, "a=b;%74" + name[1:] + "=x&" + own,
			own + "&" + own, own + "&" + name, own + "&" + name + "=", own + "&%74" + name[1:] + "=x", name + "=%zz&" + own,
			own + "%0d%0a", own + "%0A", own + "%00", own + "+", own + "%20", "+" + own, "%20" + own, own + "\t", own + "#",
			name + "=" + strings.ToLower(value) + "%41", strings.ToUpper(name) + "=" + value, "",
		} {
			if err := s.Verify(g, strings.Replace(signed, own, other, 1), now); !errors.Is(err, ErrSignature) {
				t.Errorf("%s instead of %s: %v", other, own, err)
			}
		}
	}
	for _, query := range []string{
		signed, "a=b&" + signed, signed + "&", "&&" + signed + "&a=%zz&b;c", signed + "&Te-Key=x", strings.ReplaceAll(signed, "&", "&download&"),
	} {
		if err := s.Verify(g, query, now); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
