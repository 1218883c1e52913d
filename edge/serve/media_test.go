package serve

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// mediaWorld is a world whose tenants have files:
//
//	acme    acme.example.com, shared.example.com/acme/
//	umbra   umbra.example.com, shared.example.com/umbra/, files below "other"
//	www     www-site.example.com
//
// All have the same application and media.
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
	write(t, m.location, "other/only.txt", "only of umbra")
	write(t, m.location, "www/a.txt", "of www")
	write(t, m.location, "root.txt", "of no tenant")
	write(t, filepath.Dir(m.location), "secret.txt", "secret")
	return m
}

// serveAs replaces the urlconf of the application.
func serveAs(c config.URLConf) func(*setup) {
	return func(s *setup) { s.options.URLConfs["app"] = c }
}

func TestATenantsFilesAreServedNextToItsApplication(t *testing.T) {
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

// hostileTargets are an attacker's paths below the base URL of a tenant.
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

// leak matches text that no answer to acme may contain.
var leak = regexp.MustCompile(`of umbra|of no tenant|secret|root:`)

func TestF1NoPathLeadsOutOfTheTenantsFiles(t *testing.T) {
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
			t.Errorf("any page can load %s as a script", name)
		}
	}
	trusting := startMedia(t, func(s *setup) { s.options.Media.ActiveContent = "inline" })
	write(t, trusting.location, "acme/x.html", attack)
	if a := trusting.get("acme.example.com", "/media/acme/x.html"); a.Header.Get("Content-Disposition") != "" || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("with active content allowed: %v", a.Header)
	}
}

func (memberSessions) Query(_ context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	if schema == "acme" && name == "member" && string(args) == `["k1"]` {
		return json.RawMessage(`[{"user_id":7}]`), nil
	}
	return json.RawMessage(`[]`), nil
}
