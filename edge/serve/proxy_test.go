package serve

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

func withApp(h http.HandlerFunc) func(*setup) { return func(s *setup) { s.app = h } }

func TestTheApplicationGetsThePathThatItsURLConfConfigures(t *testing.T) {
	original := start(t)
	inner := start(t, func(s *setup) {
		app := httptest.NewServer(http.HandlerFunc(echo))
		t.Cleanup(app.Close)
		u, err := url.Parse(app.URL + "/base")
		if err != nil {
			t.Fatal(err)
		}
		s.options.URLConfs["app"] = config.URLConf{Upstream: u, Path: "inner", Host: "upstream"}
	})
	for _, c := range []struct{ target, original, inner string }{
		{"/acme/x?y=1&z=%20;", "/acme/x?y=1&z=%20;", "/base/x?y=1&z=%20;"},
		{"/acme/a%2Fb/%7Ec", "/acme/a%2Fb/%7Ec", "/base/a%2Fb/%7Ec"},
		{"/acme//two", "/acme//two", "/base/two"},
		{"/acme/", "/acme/", "/base/"},
		{"/acme/%E4%BD%A0?", "/acme/%E4%BD%A0?", "/base/%E4%BD%A0?"},
	} {
		got := original.get("shared.example.com", c.target).received(t)
		if got.URI != c.original || got.Host != "shared.example.com" {
			t.Errorf("original %s: the application got %s for %s", c.target, got.URI, got.Host)
		}
		if prefix := got.Header["X-Forwarded-Prefix"]; prefix != nil {
			t.Errorf("original %s: the application got the removed prefix %q", c.target, prefix)
		}
		got = inner.get("shared.example.com", c.target).received(t)
		if got.URI != c.inner || got.Host == "shared.example.com" {
			t.Errorf("inner %s: the application got %s for %s", c.target, got.URI, got.Host)
		}
		if prefix := got.Header["X-Forwarded-Prefix"]; len(prefix) != 1 || prefix[0] != "/acme" {
			t.Errorf("inner %s: the application got the removed prefix %q", c.target, prefix)
		}
	}
}

func TestRequestAndResponseBodiesAreStreamed(t *testing.T) {
	w := start(t, withApp(func(rw http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(rw)
		_ = out.EnableFullDuplex()
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(rw, "got ", line)
			_ = out.Flush()
		}
	}))
	body, send := io.Pipe()
	r := w.request(http.MethodPost, "acme.example.com", "/")
	r.Body = body
	answers := make(chan *bufio.Reader, 1)
	go func() {
		resp, err := noRedirects.Do(r)
		if err != nil {
			t.Error(err)
			close(answers)
			return
		}
		answers <- bufio.NewReader(resp.Body)
	}()
	// Each line is answered before the next one is sent, so neither body is
	// buffered.
	var in *bufio.Reader
	for i := range 3 {
		fmt.Fprintf(send, "line %d\n", i)
		if in == nil {
			if in = <-answers; in == nil {
				return
			}
		}
		if got, err := in.ReadString('\n'); got != fmt.Sprintf("got line %d\n", i) {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	send.Close()
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("read %q, %v after the end", rest, err)
	}
}

// events sends the next event only after the test has received the previous one.
func events(seen <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-seen:
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestServerSentEventsArriveOneByOne(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			seen := make(chan struct{})
			certificate := newCertificate(t, "acme.example.com")
			w := start(t, withApp(events(seen)), func(s *setup) {
				s.options.Listeners = []config.Listener{{
					Address: "127.0.0.1:0", H2: proto == "HTTP/2.0", TLS: []config.Certificate{certificate.pair},
				}}
			})
			r := w.request(http.MethodGet, "acme.example.com", "/")
			r.URL.Scheme = "https"
			resp, err := overTLS(w, certificate).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.Proto != proto {
				t.Fatalf("the client speaks %s, expected %s", resp.Proto, proto)
			}
			in := bufio.NewReader(resp.Body)
			for i := range 3 {
				got, err := in.ReadString('\n')
				if want := fmt.Sprintf("data: %d\n", i); got != want {
					t.Fatalf("read %q, %v, expected %q", got, err, want)
				}
				if _, err := in.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				seen <- struct{}{}
			}
		})
	}
}

// overTLS returns a client that connects with the server name acme.example.com.
func overTLS(w *world, c certificate) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.pool, ServerName: "acme.example.com"},
		ForceAttemptHTTP2: true,
	}
	w.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func TestTheApplicationGetsTheSchemeOfTLS(t *testing.T) {
	certificate := newCertificate(t, "acme.example.com")
	w := start(t, func(s *setup) {
		s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2: true, TLS: []config.Certificate{certificate.pair}}}
	})
	r := w.request(http.MethodGet, "acme.example.com", "/", "X-Forwarded-Proto", "http")
	r.URL.Scheme = "https"
	resp, err := overTLS(w, certificate).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := (answer{resp, string(body)}).received(t); got.Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("X-Forwarded-Proto is %q, expected https", got.Header["X-Forwarded-Proto"])
	}
	old := &tls.Config{RootCAs: certificate.pool, ServerName: "acme.example.com", MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if c, err := tls.Dial("tcp", w.addr(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestTrailersArePassedOn(t *testing.T) {
	w := start(t, withApp(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Trailer", "X-Announced")
		_, _ = io.WriteString(rw, "body")
		rw.Header().Set("X-Announced", "sum")
		rw.Header().Set(http.TrailerPrefix+"X-Surprise", "too")
	}))
	a := w.get("acme.example.com", "/")
	if a.Trailer.Get("X-Announced") != "sum" || a.Trailer.Get("X-Surprise") != "too" || a.body != "body" {
		t.Errorf("%q with trailers %v", a.body, a.Trailer)
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Proto, " ", r.Header.Get("Tenant"))
	}))
	app.Config.Protocols = &protocols
	app.Start()
	t.Cleanup(app.Close)
	w := start(t, func(s *setup) {
		s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2C: true}}
		u := strings.Replace(app.URL, "http://", "h2c://", 1)
		upstream, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		s.options.URLConfs["app"] = config.URLConf{Upstream: upstream}
	})
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(w.request(http.MethodGet, "acme.example.com", "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Proto != "HTTP/2.0" || string(body) != "HTTP/2.0 acme" {
		t.Errorf("%s to the client, %q from the application, %v", resp.Proto, body, err)
	}
	if got := w.get("acme.example.com", "/"); got.StatusCode != http.StatusOK {
		t.Errorf("HTTP/1.1 on the same listener: %d", got.StatusCode)
	}
}

// uppercaseEcho accepts an upgrade and answers lines in capitals.
func uppercaseEcho(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		http.Error(w, "expected an upgrade", http.StatusBadRequest)
		return
	}
	c, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Tenant: %s\r\n\r\n", r.Header.Get("Tenant"))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, strings.ToUpper(line)); err != nil {
			return
		}
	}
}

// upgrade opens a connection to uppercaseEcho.
func (w *world) upgrade() (net.Conn, *bufio.Reader) { return w.upgradeOf("acme") }

// upgradeOf opens a websocket of a tenant that passes through.
func (w *world) upgradeOf(name string) (net.Conn, *bufio.Reader) {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: "+name+".example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nTenant: umbra\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		w.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("X-Tenant") != name {
		w.Fatalf("status %d, tenant %q", resp.StatusCode, resp.Header.Get("X-Tenant"))
	}
	return c, in
}

func TestWebsocketsPassThrough(t *testing.T) {
	w := start(t, withApp(uppercaseEcho), func(s *setup) { s.options.AccessLog = true })
	c, in := w.upgrade()
	for _, text := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadString('\n'); got != strings.ToUpper(text) {
			t.Fatalf("read %q, %v", got, err)
		}
	}
}

func TestAFailingApplicationIsA502WithoutDetails(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := busy.Addr().String()
	busy.Close()
	w := start(t, func(s *setup) {
		s.options.URLConfs["app"] = config.URLConf{Upstream: &url.URL{Scheme: "http", Host: free}}
	})
	a := w.get("acme.example.com", "/secret-path?token=hidden")
	_, id, found := strings.Cut(strings.TrimSpace(a.body), "request ")
	if a.StatusCode != http.StatusBadGateway || !found {
		t.Fatalf("%d %q, expected a 502 with the request's id", a.StatusCode, a.body)
	}
	if strings.Contains(a.body, "127.0.0.1") || strings.Contains(a.body, "refused") {
		t.Errorf("the page reveals details: %q", a.body)
	}
	entries := w.logs.entries("the upstream failed")
	if len(entries) != 1 || entries[0]["request"] != id || entries[0]["upstream"] != free {
		t.Errorf("logged %v, expected the id %s and the upstream", entries, id)
	}
	if strings.Contains(w.logs.String(), "hidden") {
		t.Error("the query was logged")
	}
}

func TestASlowApplicationIsA504(t *testing.T) {
	done := make(chan struct{})
	w := start(t, withApp(func(http.ResponseWriter, *http.Request) { <-done }),
		func(s *setup) { s.options.Limits.ResponseHeaderTimeout = 20 * time.Millisecond })
	defer close(done)
	if a := w.get("acme.example.com", "/"); a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestAResponseThatAnApplicationAbortsIsAborted(t *testing.T) {
	w := start(t, withApp(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "half")
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}))
	resp, err := noRedirects.Do(w.request(http.MethodGet, "acme.example.com", "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %q, %v, expected a truncated body with an error", body, err)
	}
}

func TestHeadersForServersNeverReachClients(t *testing.T) {
	w := start(t, withApp(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-Accel-Redirect", "/private/other-tenant")
		rw.Header().Set("X-Sendfile", "/etc/passwd")
		rw.Header().Set("X-App", "kept")
	}))
	a := w.get("acme.example.com", "/")
	if a.Header.Get("X-Accel-Redirect") != "" || a.Header.Get("X-Sendfile") != "" || a.Header.Get("X-App") != "kept" {
		t.Errorf("the client got %v", a.Header)
	}
}

func TestAURLConfThatIsNotConfiguredIsA502(t *testing.T) {
	w := start(t)
	if a := w.get("lost.example.com", "/"); a.StatusCode != http.StatusBadGateway || !strings.Contains(a.body, "request ") {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	entries := w.logs.entries("the guest named a urlconf that is not configured")
	if len(entries) != 1 || entries[0]["urlconf"] != "not-configured" {
		t.Errorf("logged %v", entries)
	}
}
