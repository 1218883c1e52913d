package serve

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
)

func TestF7ASignedURLIsValidOnlyForWhatWasSigned(t *testing.T) {
	keys := []storage.Key{{ID: "new", Secret: []byte("a secret of sixteen bytes")}, {ID: "old", Secret: []byte("another secret of sixteen")}}
	w := startMedia(t, serveAs(config.URLConf{Media: true, Access: config.AccessSigned}), func(s *setup) { s.options.SigningKeys = keys })
	write(t, w.location, "acme/a b.txt", "blank")
	sign := func(key int, g storage.Grant) url.Values {
		s, err := storage.NewSigner(keys[key])
		if err != nil {
			t.Fatal(err)
		}
		return s.Sign(g)
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
	good := storage.Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a.txt", Expires: soon}
	change := func(do func(*storage.Grant)) storage.Grant {
		g := good
		do(&g)
		return g
	}
	for _, c := range []struct {
		name                 string
		method, host, target string
		query                url.Values
		status               int
	}{
		{"as it was signed", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, good), 200},
		{"signed with the old key", "GET", "acme.example.com", "/media/acme/a.txt", sign(1, good), 200},
		{"HEAD for GET", "HEAD", "acme.example.com", "/media/acme/a.txt", sign(0, good), 200},
		{"encoded otherwise", "GET", "acme.example.com", "/media/acme/%61.txt", sign(0, good), 200},
		{"a space", "GET", "acme.example.com", "/media/acme/a%20b.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/media/acme/a b.txt" })), 200},
		{"in a folder", "GET", "shared.example.com", "/acme/media/a.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/acme/media/a.txt" })), 200},
		{"a missing file", "GET", "acme.example.com", "/media/acme/m.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/media/acme/m.txt" })), 404},
		{"no signature", "GET", "acme.example.com", "/media/acme/a.txt", nil, 403},
		{"no signature of a missing file", "GET", "acme.example.com", "/media/acme/m.txt", nil, 403},
		{"another tenant", "GET", "umbra.example.com", "/media/acme/a.txt", sign(0, good), 403},
		{"signed for another tenant", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Tenant = "umbra" })), 403},
		{"another path", "GET", "acme.example.com", "/media/acme/d/b.txt", sign(0, good), 403},
		{"another URL of the same file", "GET", "shared.example.com", "/acme/media/a.txt", sign(0, good), 403},
		{"another method", "DELETE", "acme.example.com", "/media/acme/a.txt", sign(0, good), 403},
		{"signed for another method", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Method = "PUT" })), 403},
		{"expired", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Expires = past })), 403},
		{"another expiry", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-expires", fmt.Sprint(soon.Unix()+1)), 403},
		{"another key", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-key", "old"), 403},
		{"a removed key", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-key", "gone"), 403},
		{"two expiries", "GET", "acme.example.com", "/media/acme/a.txt", twice(sign(0, good), "te-expires"), 403},
	} {
		a := w.do(w.request(c.method, c.host, c.target+"?"+c.query.Encode()))
		if a.StatusCode != c.status || c.status != 200 && strings.Contains(a.body, "of acme") {
			t.Errorf("%s: %d %q, expected %d", c.name, a.StatusCode, a.body, c.status)
		}
		if c.status == 200 && a.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: Cache-Control %q", c.name, a.Header.Get("Cache-Control"))
		}
	}
}

func TestASignatureHasOneSpellingOnTheWire_C9(t *testing.T) {
	key := storage.Key{ID: "new", Secret: []byte("a secret of sixteen bytes")}
	w := startMedia(t, serveAs(config.URLConf{Media: true, Access: config.AccessSigned}), func(s *setup) { s.options.SigningKeys = []storage.Key{key} })
	signer, err := storage.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	query := signer.Sign(storage.Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a.txt", Expires: time.Now().Add(time.Hour)}).Encode()
	for _, c := range []struct {
		query  string
		status int
	}{
		{query, 200}, {query + "&a=b", 200},
		{strings.Replace(query, "te-key=n", "te-key=%6e", 1), 403}, {strings.Replace(query, "te-key", "te%2Dkey", 1), 403},
		{query + "%0d%0a", 403}, {query + ";", 403}, {query + ";te-key=new", 403}, {query + "&te%2dkey=new", 403}, {query + "&te-key=new", 403},
	} {
		if a := w.get("acme.example.com", "/media/acme/a.txt?"+c.query); a.StatusCode != c.status {
			t.Errorf("%s: %d, expected %d", c.query, a.StatusCode, c.status)
		}
	}
}

func with(q url.Values, name, value string) url.Values { q.Set(name, value); return q }

func twice(q url.Values, name string) url.Values { q.Add(name, q.Get(name)); return q }

// memberSessions answers the guest's query: acme has the session k1.
type memberSessions struct{}

func TestF8RangesConditionsAndHEADNeedTheSameAuthorization(t *testing.T) {
	guest := wasmtest.Guest(t, "guest/examples/members")
	w := startMedia(t, serveAs(config.URLConf{Media: true, Access: config.AccessPrivate}), func(s *setup) {
		s.edge.Guest, s.edge.Queries = guest, memberSessions{}
		s.edge.Limits.Deadline = patience
	})
	write(t, w.location, "acme/shared/s.txt", "for all")
	write(t, w.location, "acme/drafts/d.txt", "a draft")
	const member, stranger = "session=k1", "session=k2"
	tag := w.get("acme.example.com", "/media/acme/a.txt", "Cookie", member).Header.Get("ETag")
	if tag == "" {
		t.Fatal("a member does not get the file")
	}
	for _, c := range []struct {
		name, method, target string
		headers              []string
		status               int // for a member
		denied               int // for all others
	}{
		{"the file", "GET", "/media/acme/a.txt", nil, 200, 403},
		{"its head", "HEAD", "/media/acme/a.txt", nil, 200, 403},
		{"a range", "GET", "/media/acme/a.txt", []string{"Range", "bytes=0-1"}, 206, 403},
		{"several ranges", "GET", "/media/acme/a.txt", []string{"Range", "bytes=0-0,2-2"}, 206, 403},
		{"a range beyond the end", "GET", "/media/acme/a.txt", []string{"Range", "bytes=100-"}, 416, 403},
		{"an unchanged file", "GET", "/media/acme/a.txt", []string{"If-None-Match", tag}, 304, 403},
		{"a file unchanged since a date", "GET", "/media/acme/a.txt", []string{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}, 304, 403},
		{"a condition that fails", "GET", "/media/acme/a.txt", []string{"If-Match", `"x"`}, 412, 403},
		{"a conditional range", "GET", "/media/acme/a.txt", []string{"If-Range", tag, "Range", "bytes=0-1"}, 206, 403},
		{"a compressed form", "GET", "/media/acme/a.txt", []string{"Accept-Encoding", "gzip"}, 200, 403},
		{"a missing file", "GET", "/media/acme/missing.txt", nil, 404, 403},
		{"another tenant's", "GET", "/media/other/a.txt", nil, 403, 403},
		{"a draft", "GET", "/media/acme/drafts/d.txt", nil, 200, 404},
		{"a missing draft", "GET", "/media/acme/drafts/m.txt", nil, 404, 404},
		{"another method", "POST", "/media/acme/a.txt", nil, 405, 403},
		{"a shared file", "GET", "/media/acme/shared/s.txt", nil, 200, 200},
	} {
		for who, cookie := range map[string]string{"a member": member, "a stranger": stranger, "an anonymous client": ""} {
			r := w.request(c.method, "acme.example.com", c.target, c.headers...)
			want := c.denied
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			if cookie == member {
				want = c.status
			}
			a := w.do(r)
			if a.StatusCode != want {
				t.Errorf("%s for %s: %d, expected %d", c.name, who, a.StatusCode, want)
			}
			if want >= 400 && want != 412 && want != 416 && (a.Header.Get("ETag") != "" || a.Header.Get("Last-Modified") != "") {
				t.Errorf("%s for %s: the answer reveals that the file exists: %v", c.name, who, a.Header)
			}
		}
	}
	if a := w.get("umbra.example.com", "/media/other/a.txt", "Cookie", member); a.StatusCode != 403 {
		t.Errorf("the cookie at another tenant: %d", a.StatusCode)
	}
	if a := w.get("shared.example.com", "/acme/media/a.txt", "Cookie", member); a.StatusCode != 200 || a.body != "of acme" {
		t.Errorf("in a folder: %d %q", a.StatusCode, a.body)
	}
}

func TestPrivateFilesNeedTheAuthorizationOfTheGuest(t *testing.T) {
	w := startMedia(t, serveAs(config.URLConf{Media: true, Access: config.AccessPrivate}), func(s *setup) {
		s.options.URLConfs["files"] = config.URLConf{Files: t.TempDir(), Access: config.AccessPrivate}
		s.options.Fallback = "files"
	})
	for host, target := range map[string]string{"acme.example.com": "/media/acme/a.txt", "files.example.com": "/index.html", "unknown.example.com": "/"} {
		if a := w.get(host, target); a.StatusCode != 403 {
			t.Errorf("%s: %d", host, a.StatusCode)
		}
	}
}
