package serve

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

// secureApp starts h with TLS and returns a world with it as the application.
func secureApp(t *testing.T, h2 bool, h http.HandlerFunc) *world {
	t.Helper()
	app := httptest.NewUnstartedServer(h)
	app.EnableHTTP2 = h2
	app.StartTLS()
	t.Cleanup(app.Close)
	u, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, withUpstream(u))
	roots := x509.NewCertPool()
	roots.AddCert(app.Certificate())
	w.server.now().proxies[0].tls.RootCAs = roots
	return w
}

func TestApplicationsBehindTLSChooseTheirProtocol(t *testing.T) {
	for _, c := range []struct {
		h2    bool
		proto string
	}{{false, "HTTP/1.1"}, {true, "HTTP/2.0"}} {
		t.Run(c.proto, func(t *testing.T) {
			w := secureApp(t, c.h2, func(rw http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Upgrade") != "" {
					uppercaseEcho(rw, r)
					return
				}
				body, _ := io.ReadAll(r.Body)
				fmt.Fprint(rw, r.Proto, " ", string(body))
			})
			for _, body := range []string{"first", "second"} {
				r := w.request(http.MethodPost, "acme.example.com", "/")
				r.Body = io.NopCloser(strings.NewReader(body)) // it can be read once
				if a := w.do(r); a.body != c.proto+" "+body {
					t.Errorf("%d %q, expected the body by %s", a.StatusCode, a.body, c.proto)
				}
			}
			conn, in := w.upgrade()
			if _, err := io.WriteString(conn, "one\n"); err != nil {
				t.Fatal(err)
			}
			if got, err := in.ReadString('\n'); got != "ONE\n" {
				t.Errorf("read %q, %v from a websocket", got, err)
			}
		})
	}
}

func TestResponsesInHTTP2AreSanitizedAndLimited_A6_A7_G9(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		header := rw.Header()
		switch r.URL.Path {
		case "/large":
			header.Set("X-Big", strings.Repeat("x", 70_000))
		case "/many":
			for range 501 {
				header.Add("X-Many", "a")
			}
		default:
			header.Set("Link", "</a.css>")
			header.Set("X-Accel-Redirect", "secret")
			rw.WriteHeader(http.StatusEarlyHints)
			header.Del("X-Accel-Redirect")
			header["Content-Type"] = nil
			header.Set("Content-Length", "8")
			header.Set("Trailer", "X-Sum, X-Sendfile")
			_, _ = io.WriteString(rw, "<script>")
			header.Set("X-Sum", "1")
			header.Set("X-Sendfile", "secret")
			header.Set(http.TrailerPrefix+"X-Accel-Redirect", "secret")
		}
	}))
	app.Config.Protocols = &protocols
	app.Start()
	t.Cleanup(app.Close)
	u, err := url.Parse(strings.Replace(app.URL, "http", "h2c", 1))
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, func(s *setup) { s.options.URLConfs["app"] = config.URLConf{Upstream: u} })
	got := w.bytes(simple)
	if strings.Contains(got, "secret") || strings.Contains(got, "Content-Type") || !strings.Contains(got, "103 Early Hints") || !strings.Contains(got, "Link: </a.css>") {
		t.Errorf("%q", got)
	}
	for _, path := range []string{"/large", "/many"} {
		if a := w.get("acme.example.com", path); a.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: status %d, expected 502", path, a.StatusCode)
		}
	}
}
