package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// mediaWorld is a world whose tenants have files:
//
//	acme    acme.example.com, shared.example.com/acme/
//	umbra   umbra.example.com, shared.example.com/umbra/, files below "other"
//	www     www-site.example.com
//
// with the same application for all, and media beside it.
type mediaWorld struct {
	*world
	location  string
	directory *tenantdb.Directory
}

func mediaState() tenantdb.State {
	return tenantdb.State{
		Tenants: []tenantdb.Tenant{
			{ID: "1", Schema: "acme"},
			{ID: "2", Schema: "umbra", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "other"}}},
		},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme"},
			{TenantID: "2", Domain: "umbra.example.com", IsPrimary: true},
			{TenantID: "2", Domain: "shared.example.com", Folder: "umbra"},
		},
	}
}

func startMedia(t *testing.T, changes ...func(*setup)) *mediaWorld {
	t.Helper()
	m := &mediaWorld{location: filepath.Join(t.TempDir(), "media"), directory: tenantdb.NewDirectory(tenantdb.Options{})}
	m.directory.Replace(mediaState())
	m.world = start(t, append([]func(*setup){func(s *setup) {
		s.edge.Directory, s.options.Directory = m.directory, m.directory.Stats
		s.options.Media = &config.Media{Location: m.location, BaseURL: "/media/", ActiveContent: "attachment", Precompressed: true}
		s.options.URLConfs["app"] = config.URLConf{Reply: &config.Reply{Status: 200, Body: "app\n"}, Media: true}
	}}, changes...)...)
	write(t, m.location, "acme/a.txt", "of acme")
	write(t, m.location, "acme/d/b.txt", "deep")
	write(t, m.location, "other/a.txt", "of umbra")
	write(t, m.location, "other/only.txt", "of umbra alone")
	write(t, m.location, "www/a.txt", "of www")
	write(t, m.location, "root.txt", "of nobody")
	write(t, filepath.Dir(m.location), "secret.txt", "secret")
	return m
}

// serveAs makes the application's urlconf another.
func serveAs(c config.URLConf) func(*setup) {
	return func(s *setup) { s.options.URLConfs["app"] = c }
}

func TestATenantsFilesAreServedBesideItsApplication(t *testing.T) {
	w := startMedia(t)
	for _, c := range []struct {
		host, target string
		status       int
		body         string
	}{
		{"acme.example.com", "/media/acme/a.txt", 200, "of acme"},
		{"acme.example.com", "/media/acme/d/b.txt?x=y", 200, "deep"},
		{"acme.example.com", "/media/acme/d%2Fb.txt", 200, "deep"},
		{"acme.example.com", "/med%69a/%61cme/a.txt", 200, "of acme"},
		{"umbra.example.com", "/media/other/a.txt", 200, "of umbra"},
		{"www-site.example.com", "/media/www/a.txt", 200, "of www"},
		{"acme.example.com", "/media/acme/d", 404, ""},
		{"acme.example.com", "/media/acme/d/", 404, ""},
		{"acme.example.com", "/media/acme/", 404, ""},
		{"acme.example.com", "/media/", 404, ""},
		{"acme.example.com", "/media/a.txt", 404, ""},
		{"acme.example.com", "/media/acme//a.txt", 404, ""},
		{"umbra.example.com", "/media/umbra/a.txt", 404, ""},
		{"acme.example.com", "/media", 200, "app\n"},
		{"acme.example.com", "/Media/acme/a.txt", 200, "app\n"},
		{"acme.example.com", "/", 200, "app\n"},
	} {
		a := w.get(c.host, c.target)
		if a.StatusCode != c.status || c.status == 200 && a.body != c.body {
			t.Errorf("%s%s: %d %q, expected %d %q", c.host, c.target, a.StatusCode, a.body, c.status, c.body)
		}
	}
	post := w.do(w.request(http.MethodPost, "acme.example.com", "/media/acme/a.txt"))
	if post.StatusCode != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", post.StatusCode, post.Header.Get("Allow"))
	}
}

// hostileTargets are paths as an attacker writes them, behind a tenant's base.
var hostileTargets = []string{
	"../other/a.txt", "..%2fother%2fa.txt", "%2e%2e/other/a.txt", "%2e%2e%2fother%2fa.txt", "%252e%252e%252fother%252fa.txt", "..%5cother%5ca.txt",
	"..\\other\\a.txt", "./../other/a.txt", "d/../../other/a.txt", "d/..%2f..%2fother/a.txt", "....//other/a.txt", "..;/other/a.txt", "/../other/a.txt",
	"../../secret.txt", "..%2f..%2fsecret.txt", "../root.txt", "%2e%2e/root.txt", "..", "../", "%2e%2e", "%2e%2e%2f", "..%00/other/a.txt", "a.txt%00", "a.txt%00.png",
	"%c0%ae%c0%ae/other/a.txt", "%c0%ae%c0%ae%c0%afother%c0%afa.txt", "%e0%80%ae%e0%80%ae/other/a.txt", "%uff0e%uff0e/other/a.txt", "%ef%bc%8e%ef%bc%8e/other/a.txt",
	"/etc/passwd", "%2fetc%2fpasswd", "/proc/self/environ", "out", "out/a.txt", "outside.txt", "absolute/a.txt", "up/other/a.txt", "loop/a.txt", "pipe",
	".tenantedge-x", "C:/windows/win.ini", "file:///etc/passwd", "~/a.txt", "a.txt/", "a.txt/.", "a.txt/../a.txt", "%", "%zz", strings.Repeat("../", 3000) + "etc/passwd",
	strings.Repeat("a/", 2000), strings.Repeat("a", 10_000),
}

func (w *mediaWorld) plantLinks() {
	w.Helper()
	for name, target := range map[string]string{
		"out": "../other", "outside.txt": "../other/a.txt", "absolute": filepath.Join(w.location, "other"), "up": "..", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(w.location, "acme", name)); err != nil {
			w.Fatal(err)
		}
	}
	if err := exec.Command("mkfifo", filepath.Join(w.location, "acme", "pipe")).Run(); err != nil {
		w.Fatal(err)
	}
}

// leak is what no answer to acme may hold.
var leak = regexp.MustCompile(`of umbra|of nobody|secret|root:`)

func TestF1NothingOutsideOfTheTenantsFilesIsServedForAnyPath(t *testing.T) {
	w := startMedia(t, func(s *setup) {
		s.options.URLConfs["files"] = config.URLConf{Files: filepath.Join(s.options.Media.Location, "acme")}
	}, func(s *setup) {
		if err := os.MkdirAll(filepath.Join(s.options.Media.Location, "acme"), 0o750); err != nil {
			t.Fatal(err)
		}
	})
	w.plantLinks()
	for _, target := range hostileTargets {
		for _, c := range []struct{ host, base string }{
			{"acme.example.com", "/media/acme/"}, {"shared.example.com", "/acme/media/"}, {"files.example.com", "/"},
		} {
			resp := w.raw("GET " + c.base + target + " HTTP/1.1\r\nHost: " + c.host + "\r\nConnection: close\r\n\r\n")
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode < 400 && resp.StatusCode != 301 && string(body) != "app\n" || leak.Match(body) {
				t.Errorf("%s%s%.80s: %d %.80q", c.host, c.base, target, resp.StatusCode, body)
			}
		}
	}
}

func TestF2TenantsThatWouldShareAFolderStopTheStartAndAreRefusedLater(t *testing.T) {
	w := startMedia(t)
	if err := w.server.CheckFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	state := mediaState()
	state.Tenants[1].Attributes[0].Value = "ACME" // umbra now claims the folder of acme
	w.directory.Replace(state)
	if err := w.server.CheckFiles(t.Context()); err == nil || !strings.Contains(err.Error(), `tenant "umbra"`) {
		t.Errorf("%v: expected it to name umbra", err)
	}
	if a := w.get("umbra.example.com", "/media/ACME/a.txt"); a.StatusCode != 503 || strings.Contains(a.body, "of") {
		t.Errorf("umbra: %d %q", a.StatusCode, a.body)
	}
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != 200 {
		t.Errorf("acme, which had it first: %d", a.StatusCode)
	}
	if len(w.logs.entries("a tenant has no files")) != 1 {
		t.Errorf("the log says\n%s", w.logs)
	}
	w.directory.Replace(mediaState())
	if a := w.get("umbra.example.com", "/media/other/a.txt"); a.StatusCode != 200 {
		t.Errorf("umbra, once it is changed back: %d", a.StatusCode)
	}
}

func TestF2ATenantThatCollidesIsRefusedAtItsFirstRequestAlready(t *testing.T) {
	w := startMedia(t)
	w.get("acme.example.com", "/media/acme/a.txt")
	w.directory.Apply([]tenantdb.Change{{
		Tenant:  tenantdb.Tenant{ID: "3", Schema: "late", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "acme"}}},
		Domains: []tenantdb.Domain{{TenantID: "3", Domain: "late.example.com", IsPrimary: true}},
	}})
	if a := w.get("late.example.com", "/media/acme/a.txt"); a.StatusCode != 503 {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestF3WithoutATenantThereAreNoFiles(t *testing.T) {
	w := startMedia(t, func(s *setup) {
		s.options.URLConfs["alone"] = config.URLConf{Media: true}
		s.options.Fallback = "alone"
	})
	for _, target := range []string{"/media/root.txt", "/media/acme/a.txt", "/media//root.txt", "/media/../root.txt", "/media/public/a.txt", "/root.txt", "/"} {
		if a := w.get("nobody.example.com", target); a.StatusCode != 404 || leak.MatchString(a.body) {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
}

func TestF4TwoTenantsInFoldersOfOneHostHaveTheirOwnFiles(t *testing.T) {
	w := startMedia(t)
	for target, want := range map[string]string{
		"/acme/media/a.txt": "of acme", "/umbra/media/a.txt": "of umbra",
	} {
		if a := w.get("shared.example.com", target); a.StatusCode != 200 || a.body != want {
			t.Errorf("%s: %d %q, expected %q", target, a.StatusCode, a.body, want)
		}
	}
	for _, target := range []string{
		"/acme/media/acme/a.txt", "/acme/media/other/a.txt", "/acme/media/only.txt", "/acme/media/umbra/a.txt", "/umbra/media/d/b.txt",
		"/media/a.txt", "/media/acme/a.txt", "/acme/umbra/media/a.txt", "/acme//umbra/media/a.txt", "/acme/../umbra/media/only.txt", "/acme%2f..%2fumbra/media/a.txt",
	} {
		a := w.get("shared.example.com", target)
		if strings.Contains(a.body, "of ") {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
	urls := map[string]bool{}
	for _, folder := range []string{"acme", "umbra"} {
		s, err := storage.New(storage.Config{Location: w.location, BaseURL: "/media/", Locator: w.server.Host()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		v, err := s.For(t.Context(), storage.Tenant{Schema: folder, Folder: folder})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		u, err := v.URL(t.Context(), "a.txt")
		if err != nil {
			t.Fatal(err)
		}
		if a := w.get("shared.example.com", u); a.StatusCode != 200 || urls[u] {
			t.Errorf("the URL %s that the storage gives: %d", u, a.StatusCode)
		}
		urls[u] = true
	}
}

// bytesOf is the whole answer as it came, without its date.
func (w *world) bytesOf(request string) string {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		w.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		w.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^Date: .*\r\n`).ReplaceAllString(string(b), "")
}

func TestF5AnothersFileAndAMissingOneAreTheSame(t *testing.T) {
	w := startMedia(t)
	w.plantLinks()
	get := func(method, target string) string {
		return w.bytesOf(method + " " + target + " HTTP/1.1\r\nHost: acme.example.com\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
	}
	for _, method := range []string{"GET", "HEAD"} {
		missing := get(method, "/media/acme/missing.txt")
		if !strings.HasPrefix(missing, "HTTP/1.1 404 ") {
			t.Fatalf("%q", missing)
		}
		for _, target := range []string{
			"/media/other/a.txt", "/media/other/missing.txt", "/media/umbra/a.txt", "/media/nobody/a.txt", "/media/root.txt", "/media/acme/outside.txt",
			"/media/acme/out/a.txt", "/media/acme/out/missing.txt", "/media/acme/up/other/a.txt", "/media/acme/pipe", "/media/acme/d", "/media/acme/.tenantedge-x",
		} {
			if got := get(method, target); got != missing {
				t.Errorf("%s %s:\n%q\nand of a missing file\n%q", method, target, got, missing)
			}
		}
	}
}

func TestF9UploadsDoNotRunInBrowsers(t *testing.T) {
	w := startMedia(t)
	const attack = "<script>alert(document.domain)</script>"
	for _, name := range []string{"x.html", "x.HTM", "x.svg", "x.xml", "x.xhtml", "x.js", "x.mjs", "x.txt", "x.png", "x", "x.css"} {
		write(t, w.location, "acme/"+name, attack)
		a := w.get("acme.example.com", "/media/acme/"+name)
		active := regexp.MustCompile(`(?i)htm|xml|svg|js`).MatchString(name)
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || (a.Header.Get("Content-Disposition") == "attachment") != active {
			t.Errorf("%s: %v", name, a.Header)
		}
		if strings.Contains(a.Header.Get("Content-Type"), "javascript") {
			t.Errorf("%s can be loaded by any page as a script", name)
		}
	}
	trusting := startMedia(t, func(s *setup) { s.options.Media.ActiveContent = "inline" })
	write(t, trusting.location, "acme/x.html", attack)
	if a := trusting.get("acme.example.com", "/media/acme/x.html"); a.Header.Get("Content-Disposition") != "" || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("where it is allowed: %v", a.Header)
	}
}

func TestF7ASignedURLHoldsForWhatItWasSignedForAlone(t *testing.T) {
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
		{"by the old key", "GET", "acme.example.com", "/media/acme/a.txt", sign(1, good), 200},
		{"HEAD for GET", "HEAD", "acme.example.com", "/media/acme/a.txt", sign(0, good), 200},
		{"encoded otherwise", "GET", "acme.example.com", "/media/acme/%61.txt", sign(0, good), 200},
		{"a blank", "GET", "acme.example.com", "/media/acme/a%20b.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/media/acme/a b.txt" })), 200},
		{"in a folder", "GET", "shared.example.com", "/acme/media/a.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/acme/media/a.txt" })), 200},
		{"a missing file", "GET", "acme.example.com", "/media/acme/m.txt", sign(0, change(func(g *storage.Grant) { g.Path = "/media/acme/m.txt" })), 404},
		{"no signature", "GET", "acme.example.com", "/media/acme/a.txt", nil, 403},
		{"no signature of a missing file", "GET", "acme.example.com", "/media/acme/m.txt", nil, 403},
		{"another tenant", "GET", "umbra.example.com", "/media/acme/a.txt", sign(0, good), 403},
		{"signed for another tenant", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Tenant = "umbra" })), 403},
		{"another path", "GET", "acme.example.com", "/media/acme/d/b.txt", sign(0, good), 403},
		{"the other way to the same file", "GET", "shared.example.com", "/acme/media/a.txt", sign(0, good), 403},
		{"another method", "DELETE", "acme.example.com", "/media/acme/a.txt", sign(0, good), 403},
		{"signed for another method", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Method = "PUT" })), 403},
		{"expired", "GET", "acme.example.com", "/media/acme/a.txt", sign(0, change(func(g *storage.Grant) { g.Expires = past })), 403},
		{"another expiry", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-expires", fmt.Sprint(soon.Unix()+1)), 403},
		{"another key", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-key", "old"), 403},
		{"a key that is gone", "GET", "acme.example.com", "/media/acme/a.txt", with(sign(0, good), "te-key", "gone"), 403},
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

func with(q url.Values, name, value string) url.Values { q.Set(name, value); return q }

func twice(q url.Values, name string) url.Values { q.Add(name, q.Get(name)); return q }

// memberSessions answers the query that the guest asks: acme has the session k1.
type memberSessions struct{}

func (memberSessions) Query(_ context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	if schema == "acme" && name == "member" && string(args) == `["k1"]` {
		return json.RawMessage(`[{"user_id":7}]`), nil
	}
	return json.RawMessage(`[]`), nil
}

func TestF8RangesConditionsAndHEADPassTheSameAuthorisation(t *testing.T) {
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
		t.Fatal("a member gets nothing")
	}
	for _, c := range []struct {
		name, method, target string
		headers              []string
		status               int // of a member
		denied               int // of all others
	}{
		{"the file", "GET", "/media/acme/a.txt", nil, 200, 403},
		{"its head", "HEAD", "/media/acme/a.txt", nil, 200, 403},
		{"a range", "GET", "/media/acme/a.txt", []string{"Range", "bytes=0-1"}, 206, 403},
		{"several ranges", "GET", "/media/acme/a.txt", []string{"Range", "bytes=0-0,2-2"}, 206, 403},
		{"a range that it has not", "GET", "/media/acme/a.txt", []string{"Range", "bytes=100-"}, 416, 403},
		{"what has not changed", "GET", "/media/acme/a.txt", []string{"If-None-Match", tag}, 304, 403},
		{"what has not changed since", "GET", "/media/acme/a.txt", []string{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}, 304, 403},
		{"a condition that fails", "GET", "/media/acme/a.txt", []string{"If-Match", `"x"`}, 412, 403},
		{"a range on a condition", "GET", "/media/acme/a.txt", []string{"If-Range", tag, "Range", "bytes=0-1"}, 206, 403},
		{"a compressed form", "GET", "/media/acme/a.txt", []string{"Accept-Encoding", "gzip"}, 200, 403},
		{"a missing file", "GET", "/media/acme/missing.txt", nil, 404, 403},
		{"another tenant's", "GET", "/media/other/a.txt", nil, 403, 403},
		{"a draft", "GET", "/media/acme/drafts/d.txt", nil, 200, 404},
		{"a missing draft", "GET", "/media/acme/drafts/m.txt", nil, 404, 404},
		{"another method", "POST", "/media/acme/a.txt", nil, 405, 403},
		{"a shared file", "GET", "/media/acme/shared/s.txt", nil, 200, 200},
	} {
		for who, cookie := range map[string]string{"a member": member, "a stranger": stranger, "nobody": ""} {
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
				t.Errorf("%s for %s: the answer tells of the file: %v", c.name, who, a.Header)
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

func TestPrivateFilesAreDeniedWhereTheGuestDoesNotAuthorize(t *testing.T) {
	w := startMedia(t, serveAs(config.URLConf{Media: true, Access: config.AccessPrivate}), func(s *setup) {
		s.options.URLConfs["files"] = config.URLConf{Files: t.TempDir(), Access: config.AccessPrivate}
		s.options.Fallback = "files"
	})
	for host, target := range map[string]string{"acme.example.com": "/media/acme/a.txt", "files.example.com": "/index.html", "nobody.example.com": "/"} {
		if a := w.get(host, target); a.StatusCode != 403 {
			t.Errorf("%s: %d", host, a.StatusCode)
		}
	}
}

func TestAFileThatIsReplacedWhileItIsSentArrivesWhole(t *testing.T) {
	w := startMedia(t)
	const size = 1 << 20
	name := filepath.Join(w.location, "acme", "big.bin")
	// All bytes of one file are the same, those of the next another.
	put := func(b byte) {
		temporary := fmt.Sprintf("%s.%d", name, b)
		if err := os.WriteFile(temporary, []byte(strings.Repeat(string(rune('a'+b%26)), size+int(b))), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(temporary, name); err != nil {
			t.Error(err)
		}
	}
	put(0)
	ctx, stop := context.WithCancel(t.Context())
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for b := byte(1); ctx.Err() == nil; b++ {
			put(b % 100)
		}
	})
	for range 4 {
		readers.Go(func() {
			for range 25 {
				a := w.get("acme.example.com", "/media/acme/big.bin")
				if a.StatusCode != 200 || int64(len(a.body)) != a.ContentLength {
					t.Errorf("%d: %d bytes of %d", a.StatusCode, len(a.body), a.ContentLength)
					return
				}
				if strings.Trim(a.body, a.body[:1]) != "" {
					t.Error("parts of two files arrived as one")
					return
				}
			}
		})
	}
	readers.Wait()
	stop()
	writer.Wait()
}

func TestTheKernelSendsFilesThroughAllHandlers(t *testing.T) {
	w := startMedia(t, func(s *setup) { s.options.AccessLog = true })
	write(t, w.location, "acme/large.txt", strings.Repeat("x", 1<<20))
	k := &kernelWriter{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://acme.example.com/media/acme/large.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.RequestURI = "/media/acme/large.txt"
	w.server.ServeHTTP(k, r)
	if !k.file {
		t.Error("the file was copied through the process")
	}
}

// kernelWriter is a response that notes whether it was handed a file.
type kernelWriter struct {
	header http.Header
	file   bool
}

func (k *kernelWriter) Header() http.Header         { return k.header }
func (k *kernelWriter) WriteHeader(int)             {}
func (k *kernelWriter) Write(p []byte) (int, error) { return len(p), nil }
func (k *kernelWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		_, k.file = limited.R.(*os.File)
	}
	return io.Copy(io.Discard, r)
}

// F2: the identifiers that a new guest gives are not those that were looked at.
func TestF2NoTenantGetsAnothersFilesByANewGuest(t *testing.T) {
	w := startMedia(t)
	if err := w.server.CheckFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	// For the guest all files are acme's.
	b := abi.Begin(make([]byte, abi.BufferSize), 0, abi.PathURL+1)
	b.Put(abi.PathIdentifier, "acme")
	b.Put(abi.PathBaseLocation, filepath.Join(w.location, "acme"))
	b.Put(abi.PathTenantURL, "/media/acme/")
	guest := wasmtest.Sound().Replies(abi.ExportPathname, string(b.Bytes()))
	if _, err := w.server.host.Swap(t.Context(), guest.Wasm()); err != nil {
		t.Fatal(err)
	}
	umbra := edge.Tenant{Schema: "umbra"}
	umbra.SetAttribute("schema_pathname", "other")
	for _, s := range w.server.table.stores {
		// umbra's turn is before anybody has looked at what the guest says.
		view, err := s.lease(t.Context(), &umbra)
		if err == nil {
			t.Errorf("umbra is given the files of %q", view.Identifier())
			view.Release()
		} else if !errors.Is(err, storage.ErrIdentifier) && !errors.Is(err, storage.ErrNoTenant) {
			t.Error(err)
		}
		if files, err := (guestStorage{s.storage, s}).Files(t.Context(), umbra.FileTenant()); err == nil {
			t.Errorf("a guest is given the files of %q for umbra", files.Identifier())
			_ = files.Close()
		}
	}
}
