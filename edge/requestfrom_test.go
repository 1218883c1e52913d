package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// cleanedSessions are sessionsOf, with "oldsessionid" as a cookie that applications
// could take for the session's.
type cleanedSessions struct{ sessionsOf }

func (cleanedSessions) CleanSession(h http.Header) http.Header {
	if before, rest, found := strings.Cut(h.Get("Cookie"), "oldsessionid=x; "); found {
		h = h.Clone()
		h.Set("Cookie", before+rest)
	}
	return h
}

func (cleanedSessions) Session(ctx context.Context, h http.Header) (map[string]json.RawMessage, error) {
	if strings.Contains(h.Get("Cookie"), "oldsessionid") {
		return nil, errors.New("expected cleaned headers")
	}
	return sessionsOf{}.Session(ctx, h)
}

// arrival is a request as two servers receive it.
type arrival struct {
	raw    string // head, with a line feed after each line
	peer   string // default: an untrusted peer
	server string // name in the TLS handshake; "-": TLS without a name; empty: no TLS
	length int64  // of the body
}

// served returns what net/http makes of the request.
func (a *arrival) served(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(a.raw, "\n", "\r\n") + "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr, r.ContentLength = a.peer, a.length
	if r.ProtoMajor > 1 { // whose server keeps the authority and a Host apart
		if hosts := a.values("host"); len(hosts) > 0 {
			r.Header["Host"] = hosts
		}
		r.Host = strings.Join(a.values("authority"), "")
		r.Header.Del("Authority")
		if lengths := a.values("content-length"); len(lengths) > 0 {
			r.Header["Content-Length"] = lengths
		}
	}
	if a.server != "" {
		r.TLS = &tls.ConnectionState{ServerName: strings.Trim(a.server, "-")}
	}
	return r.WithContext(context.WithValue(t.Context(), http.ServerContextKey, &http.Server{}))
}

func (a *arrival) lines() []string { return strings.Split(strings.TrimSpace(a.raw), "\n") }

// values returns the values of a field.
func (a *arrival) values(name string) (values []string) {
	for _, line := range a.lines()[1:] {
		if n, value, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// incoming returns what a server that leaves everything as it was sent makes of the
// request.
func (a *arrival) incoming(t *testing.T) *Incoming {
	t.Helper()
	lines := a.lines()
	start := strings.Split(lines[0], " ")
	in := &Incoming{
		Method: start[0], Target: start[1], Host: strings.Join(a.values("host"), "\n"), Header: http.Header{}, RemoteAddr: a.peer,
		TLS: a.server != "", ServerName: strings.Trim(a.server, "-"), ContentLength: a.length,
	}
	if _, err := fmt.Sscanf(start[2], "HTTP/%d.%d", &in.ProtoMajor, &in.ProtoMinor); err != nil {
		t.Fatal(err)
	}
	if in.ProtoMajor > 1 {
		in.Host = strings.Join(a.values("authority"), "")
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "authority") || in.ProtoMajor == 1 && strings.EqualFold(name, "host") {
			continue
		}
		in.Header[name] = append(in.Header[name], strings.TrimSpace(value))
	}
	return in
}

const (
	untrustedPeer = "192.0.2.1:1234"
	trustedPeer   = "10.0.0.1:1234"
)

// bothWays are requests, and what becomes of them under three configurations: the
// tenant or the status. An empty one is that of the first.
func bothWays() map[string]struct {
	arrival
	want, routed, strict string
} {
	key := proof.Key{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	signed := func(method, host, target string) string {
		return proof.Header + ": " + proof.Sign(key, method, host, target, "t1", time.Now()) + "\n"
	}
	type c = struct {
		arrival
		want, routed, strict string
	}
	return map[string]c{
		"plain":                               {arrival{raw: "GET /a?b HTTP/1.1\nHost: t1.example.com\nAccept: */*\n"}, "t1", "", ""},
		"a folder":                            {arrival{raw: "GET /two/a%20b?b HTTP/1.1\nHost: shared.example.com\n"}, "t2", "", ""},
		"a redirect":                          {arrival{raw: "GET /a HTTP/1.1\nHost: old.example.com\n"}, "301", "", ""},
		"names in any case":                   {arrival{raw: "GET /a HTTP/1.1\nhost: t1.example.com\naCCept: */*\naccept: text/html\n"}, "t1", "", ""},
		"forwarded, by an untrusted peer":     {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nx-forwarded-host: example.com\nX-Forwarded-For: 203.0.113.7\n"}, "t1", "", ""},
		"forwarded, by a trusted peer":        {arrival{raw: "GET / HTTP/1.1\nHost: proxy.example.com\nx-forwarded-host: T1.example.com\nX-Forwarded-For: 203.0.113.7\n", peer: trustedPeer}, "421", "t1", ""},
		"forwarded for the same host":         {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com:8080\nX-Forwarded-Host: t1.example.com\nX-Forwarded-Proto: https\n", peer: trustedPeer}, "t1", "", ""},
		"forwarded twice":                     {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nX-Forwarded-Host: t1.example.com\nx-forwarded-host: t1.example.com\n", peer: trustedPeer}, "421", "", ""},
		"a tenant of a trusted peer":          {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\ntenant: t1\n", peer: trustedPeer}, "t1", "", "404"},
		"a tenant of an untrusted peer":       {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\ntenant: t1\n"}, "404", "", ""},
		"a tenant of a Unix socket":           {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\ntenant: t1\n", peer: "@"}, "404", "", ""},
		"a proof":                             {arrival{raw: "POST /x?y HTTP/1.1\nHost: any.example.com\ntenant: t1\n" + signed("POST", "any.example.com", "/x?y")}, "t1", "", "404"},
		"a proof of another target":           {arrival{raw: "POST /x?z HTTP/1.1\nHost: any.example.com\ntenant: t1\n" + signed("POST", "any.example.com", "/x?y")}, "404", "", ""},
		"two proofs":                          {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\ntenant: t1\n" + strings.Repeat(signed("GET", "any.example.com", "/"), 2)}, "404", "", ""},
		"guarded headers":                     {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nx_tenant: a\nX-Real-IP: b\nX_Forwarded_For: c\nTenant: d\nScript-Name: e\nX-Folder: f\nX-Our: g\nAccept: h\n"}, "t1", "", ""},
		"guarded headers of a trusted peer":   {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nX-Real-IP: b\nX_Forwarded_For: c\nScript-Name: e\nX-Our: g\nForwarded: h\nAccept: h\n", peer: trustedPeer}, "t1", "", ""},
		"a session":                           {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\ncookie: a=b; sessionid=t1\n"}, "t1", "", "404"},
		"a session in the second Cookie line": {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\nCookie: a=b\nCookie: sessionid=t1\n"}, "t1", "", "404"},
		"a session that disagrees":            {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nCookie: sessionid=t2\n"}, "421", "", "t2"},
		"a session that must be cleaned":      {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nCookie: oldsessionid=x; sessionid=t1\n"}, "t1", "", ""},
		"an unread session":                   {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nCookie: sessionid=unread\n"}, "t1", "", "503"},
		"an unread session that is needed":    {arrival{raw: "GET / HTTP/1.1\nHost: any.example.com\nCookie: sessionid=unread\n"}, "503", "", ""},
		"an absolute target":                  {arrival{raw: "GET http://t1.example.com/a HTTP/1.1\nHost: t1.example.com\n"}, "400", "", "t1"},
		"a target of all":                     {arrival{raw: "OPTIONS * HTTP/1.1\nHost: t1.example.com\n"}, "t1", "", ""},
		"no host":                             {arrival{raw: "GET / HTTP/1.1\nAccept: */*\n"}, "400", "", "404"},
		"an invalid host":                     {arrival{raw: "GET / HTTP/1.1\nHost: a..b\n"}, "400", "", "404"},
		"HTTP/1.0":                            {arrival{raw: "GET / HTTP/1.0\nHost: t1.example.com\n"}, "t1", "", ""},
		"a tunnel":                            {arrival{raw: "CONNECT t1.example.com:443 HTTP/1.1\nHost: t1.example.com:443\n"}, "400", "", ""},
		"a websocket":                         {arrival{raw: "GET /ws/ HTTP/1.1\nHost: t1.example.com\nConnection: keep-alive, upgrade\nupgrade: WebSocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"}, "t1", "", ""},
		"a websocket over HTTP/1.0":           {arrival{raw: "GET /ws/ HTTP/1.0\nHost: t1.example.com\nConnection: upgrade\nUpgrade: websocket\n"}, "t1", "", ""},
		"another upgrade":                     {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\nConnection: upgrade, http2-settings, x-hop\nUpgrade: h2c\nHTTP2-Settings: a\nX-Hop: b\n"}, "t1", "", ""},
		"TLS":                                 {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\n", server: "t1.example.com"}, "t1", "", ""},
		"TLS without a name":                  {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\n", server: "-"}, "t1", "", ""},
		"TLS of another name":                 {arrival{raw: "GET / HTTP/1.1\nHost: t1.example.com\n", server: "example.com"}, "421", "", "t1"},
		"HTTP/2":                              {arrival{raw: "GET / HTTP/2.0\nauthority: t1.example.com\ncookie: a=b\ncookie: sessionid=t1\n", server: "t1.example.com"}, "t1", "", ""},
		"HTTP/2 with another host":            {arrival{raw: "GET / HTTP/2.0\nauthority: t1.example.com\nhost: example.com\n"}, "400", "", "t1"},
		"HTTP/2 with a body":                  {arrival{raw: "POST / HTTP/2.0\nauthority: t1.example.com\ncontent-length: 5\n", length: 5}, "t1", "", ""},
		"HTTP/2 with a shorter body":          {arrival{raw: "POST / HTTP/2.0\nauthority: t1.example.com\ncontent-length: 5\n"}, "400", "", ""},
		"HTTP/2 with a body of unknown size":  {arrival{raw: "POST / HTTP/2.0\nauthority: t1.example.com\n", length: -1}, "t1", "", ""},
	}
}

// RequestFrom gives the same Request, error and headers for the application as
// RequestOf and Middleware do.
func TestServersOtherThanNetHTTPFollowTheSameRules(t *testing.T) {
	host := func(change func(*Config)) *Host {
		return newHost(t, func(c *Config) {
			c.GuestConfig.Routers = []abi.Router{abi.ByDomain, abi.ByHeader, abi.BySession}
			c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			c.ProofKeys = []proof.Key{{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}}
			c.GuardHeaders = []string{"X-Our"}
			c.Sessions = cleanedSessions{}
			change(c)
		})
	}
	hosts := map[string]*Host{
		"": host(func(*Config) {}), "routed": host(func(c *Config) { c.RouteByForwardedHost = true }), "strict": host(func(c *Config) { c.GuestConfig.Compat = abi.Strict }),
	}
	for name, c := range bothWays() {
		if c.peer == "" {
			c.peer = untrustedPeer
		}
		for config, h := range hosts {
			want := c.want
			if config == "routed" && c.routed != "" {
				want = c.routed
			} else if config == "strict" && c.strict != "" {
				want = c.strict
			}
			t.Run(strings.TrimSpace(name+" "+config), func(t *testing.T) { checkBothWays(t, h, &c.arrival, want) })
		}
	}
}

func checkBothWays(t *testing.T, h *Host, a *arrival, want string) {
	q, err := h.RequestOf(t.Context(), a.served(t))
	in := a.incoming(t)
	sent := in.Header.Clone()
	from, fromErr := h.RequestFrom(t.Context(), in)
	if !reflect.DeepEqual(in.Header, sent) {
		t.Errorf("RequestFrom changed the headers to %v", in.Header)
	}
	if !reflect.DeepEqual(err, fromErr) {
		t.Fatalf("RequestFrom returned %v, RequestOf %v", fromErr, err)
	}
	q.Path = ""
	if err == nil && !reflect.DeepEqual(q, from) {
		t.Errorf("RequestFrom returned\n%+v, RequestOf\n%+v", from, q)
	}
	got, header, upstream := h.without(t, from, fromErr)
	through, seen, forwarded := h.through(a.served(t))
	if got != want || through != want {
		t.Errorf("expected %s, found %s, and %s through Middleware", want, got, through)
	}
	if !reflect.DeepEqual(header, seen) {
		t.Errorf("ApplicationHeader returned\n%v, Middleware passed\n%v", header, seen)
	}
	if !reflect.DeepEqual(upstream, forwarded) {
		t.Errorf("UpstreamHeader returned\n%v, Forward set\n%v", upstream, forwarded)
	}
}

// without routes a request as a server other than net/http does. It returns the
// tenant or the status, and the headers for applications in the process and
// outside of it.
func (h *Host) without(t *testing.T, q Request, err error) (result string, header, upstream http.Header) {
	var d Decision
	if err == nil {
		d, err = h.Route(t.Context(), &q)
	}
	switch {
	case err != nil:
		return strconv.Itoa(AsRouteError(err).Status), nil, nil
	case d.Outcome != abi.Tenant && d.Outcome != abi.None:
		return strconv.Itoa(d.Status), nil, nil
	}
	authority, upstream := h.UpstreamHeader(&q, &d, true)
	upstream["Host"] = []string{authority}
	if d.Outcome == abi.None {
		return "none", h.ApplicationHeader(&q), upstream
	}
	return d.Tenant.Schema, h.ApplicationHeader(&q), upstream
}

// through routes a request through Middleware, and returns the same.
func (h *Host) through(r *http.Request) (result string, header, upstream http.Header) {
	w := httptest.NewRecorder()
	h.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		result = "none"
		if t, ok := tenant.From(r.Context()); ok {
			result = t.Schema
		}
		out := &http.Request{Header: r.Header.Clone()}
		for _, name := range []string{"Connection", "Upgrade", "X-Hop"} {
			out.Header.Del(name)
		}
		h.Forward(r, out, true)
		header, upstream = r.Header, out.Header
		upstream["Host"] = []string{out.Host}
	})).ServeHTTP(w, r)
	if result == "" {
		result = strconv.Itoa(w.Code)
	}
	return result, header, upstream
}

// net/http rejects these requests before it calls a handler.
func TestRequestFromRejectsFieldsThatNetHTTPWouldReject(t *testing.T) {
	h := newHost(t, nil)
	for _, header := range []http.Header{{"a b": {"c"}}, {"": {"c"}}, {"X-A": {"b", "c\r\nTenant: d"}}, {"X-A": {"\x00"}}} {
		_, err := h.RequestFrom(t.Context(), &Incoming{Method: "GET", Host: "t1.example.com", Target: "/", Header: header})
		var e *RouteError
		if !errors.As(err, &e) || e.Status != http.StatusBadRequest {
			t.Errorf("%q: expected 400, found %v", header, err)
		}
	}
	q, err := h.RequestFrom(t.Context(), &Incoming{Method: "GET", Host: "t1.example.com", Target: "/"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.Route(t.Context(), &q)
	if _, fields := h.UpstreamHeader(&q, &d, false); err != nil || fields.Get("tenant") != "t1" {
		t.Errorf("without headers: %v, %v", fields, err)
	}
}

func TestRequestFromAllocatesNothing(t *testing.T) {
	h := newHost(t, nil)
	in := &Incoming{Method: "GET", Host: "t1.example.com", Target: "/orders/42?page=2", RemoteAddr: untrustedPeer, Header: http.Header{"Accept": {"*/*"}, "Cookie": {"a=b"}}}
	n := testing.AllocsPerRun(200, func() {
		q, err := h.RequestFrom(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := h.Route(t.Context(), &q); err != nil || d.Outcome != abi.Tenant || len(h.ApplicationHeader(&q)) != 2 {
			t.Fatal(d.Reason, err)
		}
	})
	if n != 0 {
		t.Errorf("a request makes %v allocations, want none", n)
	}
}

func TestHandshakesThatAreNotForTheApplicationAreErrors(t *testing.T) {
	h := newHost(t, nil)
	for _, c := range []struct {
		name   string
		fields http.Header
		want   int
	}{
		{"no handshake", http.Header{"Origin": {"http://evil.example"}}, 0},
		{"of a program", nil, 0},
		{"of a page of the host", http.Header{"Origin": {"http://acme.example.com"}}, 0},
		{"of another page", http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden},
		{"of an old version", http.Header{"Sec-Websocket-Version": {"8"}}, http.StatusUpgradeRequired},
	} {
		in := Incoming{Method: "GET", Host: "acme.example.com", Target: "/", Header: http.Header{}, RemoteAddr: "192.0.2.1:1"}
		if c.name != "no handshake" {
			in.Header = http.Header{
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			}
		}
		maps.Copy(in.Header, c.fields)
		q, err := h.RequestFrom(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		d, err := h.Route(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		status := 0
		if err := h.CheckHandshake(&q, &d); err != nil {
			status = AsRouteError(err).Status
		}
		if status != c.want {
			t.Errorf("%s: %d, expected %d", c.name, status, c.want)
		}
	}
}
