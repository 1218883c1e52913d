//go:build unix

package decide_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// guarded are headers, folded, of which the application must never get the value of a
// client.
var guarded = []string{
	"tenantedge-schema", "tenantedge-id", "tenantedge-routing", "tenantedge-folder", "tenantedge-path", "tenantedge-urlconf", "tenantedge-upstream",
	"tenantedge-target", "tenantedge-host", "tenantedge-cache-prefix", "tenantedge-identifier", "tenantedge-status", "tenantedge-location",
	"tenantedge-attribute-plan", "tenantedge-proof", "tenant", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix",
	"x-real-ip", "x-original-uri", "x-original-url", "x-rewrite-url", "forwarded", "proxy", "script-name", "remote-user",
}

// inputs are the headers that describe a request to the edge.
var inputs = []string{"X-Original-Method", "X-Original-Host", "X-Original-Uri", "X-Original-Proto", "X-Original-For",
	"X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Proto", "X-Forwarded-For"}

// consistent checks what the application got, if it got anything: the tenant is the
// one that the Host finds for the very request that the application got, and no
// guarded header has the value of the client, which contains "forged".
func (w *world) consistent(q fmt.Stringer, a answer) {
	w.Helper()
	got := a.received
	if got == nil {
		return
	}
	d, err := w.decided(&edge.Incoming{Method: got.Method, Host: got.Host, Target: got.URI, Header: http.Header{}, RemoteAddr: "127.0.0.1:0"})
	if err != nil || d.Outcome != abi.Tenant {
		w.Errorf("%s: the application got %+v, on which the Host decides %s %v", q, got, d.Outcome, err)
		return
	}
	w.compare(q, got, &d)
	for name, values := range got.Header {
		folded := header.Fold(name)
		if !slices.Contains(guarded, folded) {
			continue
		}
		if http.CanonicalHeaderKey(folded) != name || len(values) != 1 || strings.Contains(values[0], "forged") {
			w.Errorf("%s: the application got %s %q", q, name, values)
		}
	}
}

// String prints the request for errors.
func (q *request) String() string { return fmt.Sprintf("%q", q.bytes()) }

// forgeries returns requests of a client to a tenant that pretend to be another.
func forgeries() (all []*request) {
	add := func(version string, headers ...string) {
		all = append(all, &request{target: "/page", version: version, headers: append([]string{"Host: acme.example.com"}, headers...)})
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		for _, name := range append(slices.Clone(inputs), guarded...) {
			for n, s := range spellings(name) {
				if n < 4 || version == "HTTP/1.1" {
					add(version, s+": forged")
				}
			}
			add(version, name+": beta", name+": forged")
			add(version, name+":", name+": forged")
			add(version, name+": beta", strings.ReplaceAll(name, "-", "_")+": forged")
			add(version, "Connection: "+name)
			add(version, "Connection: close, "+strings.ToLower(name), name+": forged")
			add(version, "X-A: b\r\n "+name+": forged")
			add(version, name+" : forged")
			add(version, " "+name+": forged")
		}
		for _, v := range []string{"/beta/x", "beta", "shared.example.com", "POST"} {
			for _, name := range inputs {
				add(version, name+": "+v)
			}
		}
		add(version, "Connection: Cookie, tenant, Host")
		add(version, "Connection: Upgrade, tenant, Tenantedge-Schema, Cookie", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-Forwarded-For: forged")
		add(version, "Transfer-Encoding: chunked\r\nTrailer: Tenantedge-Schema\r\n\r\n0\r\nTenantedge-Schema: forged")
	}
	return all
}

// targets are ways to write a path that a server and an edge may read differently.
var targets = []string{
	"/", "//", "/acme", "/acme/", "/beta/x", "//beta/x", "/./beta/x", "/acme/../beta/x", "/acme/%2e%2e/beta/x", "/acme/..%2fbeta/x", "/acme/.%2e/beta/x",
	"/%62eta/x", "/b%65ta/x", "/acme%2fx", "/beta%2Fx", "/acme/%2fbeta", "/acme;/../beta/x", "/acme/..;/beta/x", "/acme/..;a=b/beta/x", "/acme\\..\\beta/x",
	"/acme/%5c..%5cbeta", "/acme%00/beta", "/acme%0a/beta", "/acme%20/beta", "/acme%", "/acme%zz", "/acme/%25%32%65%25%32%65/beta", "/acme?/../beta/x",
	"/acme#/../beta/x", "/beta#x", "/?x=/beta/", "/acme/x?y=%2e%2e/", "/acme/é", "/acme/%c3%a9", "/acme/%C0%AE%C0%AE/beta", "/acme///x", "///acme/x", "/acme/./x",
	"/acme/x/..", "/acme/x/.", "/..", "/../beta/x", "/acme/x%3fy", "/acme/x%23y", "/acme/a+b", "/acme/a%2Bb", "/acme/a,b;c=d:e@f!g$h&i'j(k)l*m", "/Acme/x",
	"/acme/{{x}}", "/acme/{http.request.header.Host}", "/acme/$uri", "/acme/%[path]", "/acme/|^`\"<>", "http://shared.example.com/beta/x", "http://beta.example.com/beta/x",
	"https://shared.example.com/beta/x", "shared.example.com/beta/x", "*", "beta/x", "", "http:/beta/x", "http:beta/x", "/.tenantedge", "/.tenantedge/", "/%2etenantedge", "//.tenantedge",
}

// ambiguous returns requests whose path or host can be read in several ways.
func ambiguous() (all []*request) {
	for _, target := range targets {
		for _, host := range []string{"shared.example.com", "SHARED.example.com.:80", "acme.example.com"} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				all = append(all, &request{method: method, target: target, headers: []string{"Host: " + host}})
			}
		}
	}
	for _, hosts := range [][]string{
		{}, {""}, {"acme.example.com", "shared.example.com"}, {"acme.example.com, shared.example.com"}, {"acme.example.com:80:90"}, {"acme.example.com/beta"},
		{"acme.example.com@beta.example.com"}, {"acme.example.com#"}, {"[::1]"}, {"acme.example.com\x00"}, {"acme.example.com\tx"}, {" acme.example.com "}, {"acme.example.com.."},
		{"acme_example.com"}, {"%61cme.example.com"}, {"acme.example.com%00.evil"}, {"xn--acme.example.com"},
	} {
		for _, target := range []string{"/beta/x", "http://acme.example.com/beta/x", "http://shared.example.com/beta/x"} {
			q := &request{target: target}
			for _, h := range hosts {
				q.headers = append(q.headers, "Host: "+h)
			}
			all = append(all, q)
		}
	}
	return all
}

// random returns requests with random paths, from a fixed seed.
func random(n int) (all []*request) {
	parts := []string{"/", "//", "acme", "beta", "..", ".", "%2e", "%2E%2e", "%2f", "%2F", ";", "\\", "%5c", "x", "%25", "?", "#", "%61", "é", "%00", "%20", "+", "&", "=", ":"}
	rnd := rand.New(rand.NewSource(14))
	for range n {
		target := "/"
		for range 1 + rnd.Intn(8) {
			target += parts[rnd.Intn(len(parts))]
		}
		all = append(all, &request{target: target, headers: []string{"Host: shared.example.com"}})
	}
	return all
}

func TestH18NoClientReachesAnotherTenantThroughAServer(t *testing.T) {
	throughEach(t, 0, func(t *testing.T, f *front, w *world) {
		for name, requests := range map[string][]*request{"forged headers": forgeries(), "paths and hosts": ambiguous(), "random paths": random(500)} {
			passed := 0
			for _, q := range requests {
				a := w.send(q)
				if w.consistent(q, a); a.received != nil {
					passed++
				}
				// Caddy and Traefik make a path and a Host of an absolute URL before they ask.
				if own := f.name == decide.Nginx || f.name == decide.HAProxy; own && strings.Contains(q.target, "://") && q.target[0] != '/' && a.received != nil {
					t.Errorf("%s: the application got a request for an absolute URL: %+v", q, a.received)
				}
			}
			t.Logf("%s: %s: of %d requests the application got %d", f.name, name, len(requests), passed)
			if passed == 0 {
				t.Errorf("%s: the application got no request", name)
			}
		}
		w.http2(f)
	})
}

// Only websocket handshakes from pages of the tenant reach the application as
// upgrades.
func TestServersPassOnOnlyWebsocketUpgrades(t *testing.T) {
	throughEach(t, 0, func(t *testing.T, f *front, w *world) {
		for _, c := range []struct {
			headers, want string
			status        int
		}{
			{handshake, "websocket", 200},
			{handshake + "\r\nOrigin: http://acme.example.com", "websocket", 200},
			{handshake + "\r\nOrigin: http://evil.example", "", 403},
			{strings.Replace(handshake, "13", "8", 1), "", 426},
			{"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "", 200},
			{"Connection: Upgrade\r\nUpgrade: websocket, h2c", "", 0},
		} {
			a := w.send(&request{target: "/chat", headers: []string{"Host: acme.example.com", c.headers}})
			if c.status != 0 && a.status != c.status {
				t.Errorf("%q: %d %q, expected %d", c.headers, a.status, a.body, c.status)
			}
			if got := a.received; got != nil && strings.Join(got.Header["Upgrade"], "|") != c.want {
				t.Errorf("%q: the application got Upgrade %q, expected %q", c.headers, got.Header["Upgrade"], c.want)
			}
		}
	})
}

// Without an answer of the edge, no request reaches the application.
func TestH18ServersFailClosed(t *testing.T) {
	throughEach(t, 0, func(t *testing.T, f *front, w *world) {
		w.use(w.host, f.name, func(c *decide.Config) { c.Peers = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		q := &request{target: "/", headers: []string{"Host: acme.example.com"}}
		if a := w.send(q); a.received != nil || a.status < 400 {
			t.Errorf("as a foreign peer: %d %q", a.status, a.body)
		}
		w.decider.Close()
		if a := w.send(q); a.received != nil || a.status < 500 {
			t.Errorf("without the edge: %d %q", a.status, a.body)
		}
	})
}

// http2 sends forgeries over HTTP/2.
func (w *world) http2(f *front) {
	w.Helper()
	if f.http2 != nil {
		w.front = address(f.start(w.TB, hostPort(w.decider), hostPort(w.app), f.http2...))
	}
	sent, passed := 0, 0
	try := func(fields ...hpack.HeaderField) {
		a := w.sendHTTP2(fields)
		sent++
		if w.consistent(h2request(fields), a); a.received != nil {
			passed++
		}
	}
	pseudo := func(method, authority, path string) []hpack.HeaderField {
		return []hpack.HeaderField{{Name: ":method", Value: method}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: authority}, {Name: ":path", Value: path}}
	}
	for _, name := range append(slices.Clone(inputs), guarded...) {
		for _, s := range spellings(name) {
			try(append(pseudo("GET", "acme.example.com", "/page"), hpack.HeaderField{Name: s, Value: "forged"})...)
			try(append(pseudo("GET", "acme.example.com", "/page"), hpack.HeaderField{Name: strings.ToLower(s), Value: "forged"}, hpack.HeaderField{Name: strings.ToLower(s), Value: "beta"})...)
		}
	}
	for _, target := range targets {
		try(pseudo("GET", "shared.example.com", target)...)
	}
	try(append(pseudo("GET", "acme.example.com", "/page"), hpack.HeaderField{Name: "host", Value: "shared.example.com"})...)
	try(append(pseudo("GET", "shared.example.com", "/beta/x"), hpack.HeaderField{Name: "host", Value: "acme.example.com"})...)
	try(append(pseudo("GET", "shared.example.com", "/acme/x"), hpack.HeaderField{Name: ":path", Value: "/beta/x"})...)
	try(append(pseudo("GET", "shared.example.com", "/acme/x"), hpack.HeaderField{Name: ":authority", Value: "acme.example.com"})...)
	try(pseudo("GET", "acme.example.com", "/x HTTP/1.1\r\nTenantedge-Schema: forged")...)
	try(pseudo("GET /beta/x HTTP/1.1\r\nHost: shared.example.com\r\n\r\nGET", "acme.example.com", "/x")...)
	w.Logf("%s: HTTP/2: of %d requests the application got %d", f.name, sent, passed)
	if passed == 0 {
		w.Errorf("HTTP/2: the application got no request")
	}
}

type h2request []hpack.HeaderField

func (q h2request) String() string { return fmt.Sprintf("%q", []hpack.HeaderField(q)) }

// sendHTTP2 sends one request over HTTP/2 with prior knowledge.
func (w *world) sendHTTP2(fields []hpack.HeaderField) answer {
	w.Helper()
	conn, err := net.DialTimeout("tcp", w.front, patience)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.SetDeadline(time.Now().Add(patience))
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		_ = encoder.WriteField(f)
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	resp := &http.Response{Header: http.Header{}}
	var body bytes.Buffer
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return answer{}
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range frame.Fields {
				if h.Name == ":status" {
					_, _ = fmt.Sscan(h.Value, &resp.StatusCode)
				}
				resp.Header.Add(h.Name, h.Value)
			}
			if frame.StreamEnded() {
				return answerOf(resp, "")
			}
		case *http2.DataFrame:
			body.Write(frame.Data())
			if frame.StreamEnded() {
				return answerOf(resp, body.String())
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return answer{}
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		}
	}
}
