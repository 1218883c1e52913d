package serve

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

func TestH4AnAmbiguousHostIsRefused(t *testing.T) {
	w := start(t)
	head := func(first string, hosts ...string) string {
		for _, h := range hosts {
			first += "\r\nHost: " + h
		}
		return first + "\r\nConnection: close\r\n\r\n"
	}
	const get = "GET / HTTP/1.1"
	for _, c := range []struct{ name, request string }{
		{"two Hosts", head(get, "acme.example.com", "umbra.example.com")},
		{"the same Host twice", head(get, "acme.example.com", "acme.example.com")},
		{"two Hosts in one", head(get, "acme.example.com, umbra.example.com")},
		{"no Host", head(get)},
		{"a target with another authority", head("GET http://umbra.example.com/ HTTP/1.1", "acme.example.com")},
		{"a target with the same authority", head("GET http://acme.example.com/ HTTP/1.1", "acme.example.com")},
		{"CONNECT", head("CONNECT acme.example.com:443 HTTP/1.1", "acme.example.com:443")},
		{"an empty label", head(get, "acme..example.com")},
		{"a leading dot", head(get, ".acme.example.com")},
		{"a label of 64", head(get, strings.Repeat("a", 64)+".example.com")},
		{"a name of 300", head(get, strings.Repeat("a.", 150)+"com")},
		{"a user", head(get, "umbra.example.com@acme.example.com")},
		{"a path", head(get, "acme.example.com/umbra")},
		{"an invalid port", head(get, "acme.example.com:x")},
		{"a port too large", head(get, "acme.example.com:99999")},
		{"a space", head(get, "acme.example.com umbra")},
		{"a NUL", head(get, "acme.example.com\x00")},
		{"a leading hyphen", head(get, "-acme.example.com")},
		{"broken IPv6", head(get, "[::1")},
		{"invalid UTF-8", head(get, "acme\xff.example.com")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := w.raw(c.request).StatusCode; got != http.StatusBadRequest && got != http.StatusMisdirectedRequest {
				t.Errorf("status %d, expected 400 or 421", got)
			}
		})
	}
}

func TestHostsAreComparedAsOneName(t *testing.T) {
	w := start(t)
	for _, host := range []string{"ACME.example.COM", "acme.example.com.", "acme.example.com:8080", "www.acme.example.com"} {
		if got := w.get(host, "/").received(t).Header.Get("Tenant"); got != "acme" {
			t.Errorf("%s is %q, expected acme", host, got)
		}
	}
}

func TestH4TheHostMustBeTheServerNameOfTheConnection(t *testing.T) {
	certificate := newCertificate(t, "acme.example.com", "umbra.example.com")
	w := start(t, func(s *setup) {
		s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", TLS: []config.Certificate{certificate.pair}}}
	})
	for _, c := range []struct {
		host   string
		status int
	}{
		{"acme.example.com", 200},
		{"ACME.example.com.:443", 200},
		{"umbra.example.com", 421},
	} {
		conn, err := tls.Dial("tcp", w.addr(), &tls.Config{RootCAs: certificate.pool, ServerName: "acme.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+c.host+"\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s over a connection for acme.example.com: %d, expected %d", c.host, resp.StatusCode, c.status)
		}
	}
}

func TestH5AnUnknownTenantFailsClosed(t *testing.T) {
	w := start(t)
	a := w.get("unknown.example.com", "/", "Tenant", "acme")
	if a.StatusCode != http.StatusNotFound || strings.Contains(a.body, "acme") {
		t.Errorf("%d %q, expected a 404 without details", a.StatusCode, a.body)
	}
	if again := w.get("also-unknown.example.com", "/x"); again.page() != a.page() {
		t.Errorf("the pages for unknown hosts differ: %q and %q", a.body, again.body)
	}
}

func TestH5AnUnknownTenantGoesToTheConfiguredFallback(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Fallback = "app" })
	got := w.get("unknown.example.com", "/x?y=1", forged...).received(t)
	if got.URI != "/x?y=1" || got.Header["Tenant"] != nil {
		t.Errorf("the fallback got %s with tenant %q", got.URI, got.Header["Tenant"])
	}
	for name, values := range got.Header {
		if text := strings.Join(values, ","); strings.Contains(text, "umbra") || strings.Contains(text, "6.6.6.6") {
			t.Errorf("the fallback got %s: %s", name, text)
		}
	}
	if bad := w.raw("GET / HTTP/1.1\r\nHost: a..b\r\n\r\n").StatusCode; bad != http.StatusBadRequest {
		t.Errorf("an invalid host gets %d, expected 400, and not the page for unknown tenants", bad)
	}
}

func TestH6RedirectsKeepQueryAndMethodAndLeadToRegisteredDomains(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		method, host, target string
		status               int
		location             string
	}{
		{"GET", "old.example.com", "/a/b?x=1&y=%20z", 301, "//acme.example.com/a/b?x=1&y=%20z"},
		{"HEAD", "old.example.com", "/", 301, "//acme.example.com/"},
		{"POST", "old.example.com", "/form?x=1", 308, "//acme.example.com/form?x=1"},
		{"PUT", "old.example.com", "/x", 308, "//acme.example.com/x"},
		{"GET", "moved.example.com", "/acme/a?x=1", 301, "//acme.example.com/a?x=1"},
	} {
		a := w.do(w.request(c.method, c.host, c.target))
		if got := a.Header.Get("Location"); a.StatusCode != c.status || got != c.location {
			t.Errorf("%s %s%s: %d to %q, expected %d to %q", c.method, c.host, c.target, a.StatusCode, got, c.status, c.location)
		}
	}
	registered := []string{"acme.example.com", "umbra.example.com"}
	for _, target := range []string{
		"/acme//evil.com", "/acme///evil.com/", `/acme/\evil.com`, "/acme/%2fevil.com", "/acme//evil.com%2f..", "/acme/..//evil.com",
		"/acme/%5cevil.com", "/acme/@evil.com", "/acme//user@evil.com/", "/acme/%0d%0aLocation:%20//evil.com", "/acme?//evil.com",
	} {
		for _, host := range []string{"moved.example.com", "old.example.com"} {
			resp := w.raw("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
			locations := resp.Header.Values("Location")
			if len(locations) == 0 && resp.StatusCode >= 400 {
				continue
			}
			// Browsers treat a backslash as a slash.
			u, err := url.Parse("http://" + host + "/")
			if err == nil {
				u, err = u.Parse(strings.ReplaceAll(locations[0], `\`, "/"))
			}
			if len(locations) != 1 || err != nil || !slices.Contains(registered, u.Host) {
				t.Errorf("%s%s leads to %q (%v)", host, target, locations, err)
			}
		}
	}
}

func TestH6AStrippedFolderLeavesNoOtherHost(t *testing.T) {
	inner := func(s *setup) {
		s.edge.GuestConfig.Default.URLConf = "files"
	}
	w := start(t, inner)
	write(t, w.folder, "evil.com/index.html", "ours")
	for _, target := range []string{"/acme//evil.com", "/acme//evil.com/index.html", "/acme///evil.com/"} {
		resp := w.raw("GET " + target + " HTTP/1.1\r\nHost: shared.example.com\r\nConnection: close\r\n\r\n")
		for _, location := range resp.Header.Values("Location") {
			base, err := url.Parse("http://shared.example.com" + target)
			if err != nil {
				t.Fatal(err)
			}
			if u, err := base.Parse(location); err != nil || u.Host != "shared.example.com" {
				t.Errorf("%s leads to %q", target, location)
			}
		}
	}
}
