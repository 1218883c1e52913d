//go:build unix

package decide_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// handshake are the headers of a websocket handshake, with the key of RFC 6455.
const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

// ofCase returns a golden case as a client sends it, and as a server receives it.
func ofCase(c *tck.RouteCase) (request, edge.Incoming) {
	q := request{method: c.Method, target: cmp.Or(c.Target, "/")}
	in := edge.Incoming{Method: cmp.Or(c.Method, "GET"), Target: q.target, Header: http.Header{}, RemoteAddr: "127.0.0.1:0"}
	switch {
	case c.Host == nil:
		q.version = "HTTP/1.0"
	default:
		in.Host = *c.Host
		for h := range strings.SplitSeq(*c.Host, "\n") {
			q.headers = append(q.headers, "Host: "+h)
		}
	}
	if c.Trusted {
		q.from, in.RemoteAddr = trusted, trusted+":0"
	}
	set := func(name, value string) {
		q.headers = append(q.headers, name+": "+value)
		in.Header.Set(name, value)
	}
	for name, value := range c.Headers {
		set(name, value)
	}
	if c.Session != nil {
		set("Cookie", sessionCookie(*c.Session))
	}
	if c.Websocket {
		for line := range strings.SplitSeq(handshake, "\r\n") {
			name, value, _ := strings.Cut(line, ": ")
			set(name, value)
		}
	}
	return q, in
}

// Every golden case that a client can send is decided through each server as the
// Host decides it.
func TestTheGoldenCasesThroughEachServer(t *testing.T) {
	throughEach(t, 0, func(t *testing.T, f *front, w *world) {
		agreed, early, differ := 0, 0, 0
		for _, s := range golden(t) {
			w.use(hostOf(t, &s), f.name)
			for i := range s.Routes {
				c := &s.Routes[i]
				t.Run(s.Name+"/"+c.Name, func(t *testing.T) {
					w := &world{TB: t, host: w.host, front: w.front}
					q, in := ofCase(c)
					d, err := w.decided(&in)
					if err == nil && d.Outcome.String() != c.Want.Outcome {
						t.Fatalf("the Host decides %s, the case expects %s", d.Outcome, c.Want.Outcome)
					}
					if reason := f.differs[c.Name]; reason != "" {
						w.consistent(&q, w.send(&q))
						differ++
						t.Logf("not compared: %s", reason)
					} else if !w.agrees(&q, &d, err) {
						early++
					} else if !t.Failed() {
						agreed++
					}
				})
			}
		}
		t.Logf("%s: %d cases agree, and %d that the server itself refuses; %d are sent on in another form", f.name, agreed, early, differ)
	})
}

// agrees compares what a client and the application get with a decision. It reports
// false if the server itself refused a request that the Host refuses, too.
func (w *world) agrees(q *request, d *edge.Decision, err error) bool {
	w.Helper()
	a := w.send(q)
	want := statusOf(d, err)
	switch {
	case want == http.StatusOK && a.received == nil:
		w.Errorf("%q: got %d %q, expected that the application gets it", q.bytes(), a.status, a.body)
	case want == http.StatusOK:
		w.compare(q, a.received, d)
	case a.received != nil:
		w.Errorf("%q: the application got %+v, expected %d", q.bytes(), a.received, want)
	case a.status != want && want >= 400 && (a.status == 400 || a.status == 0):
		return false
	case a.status != want:
		w.Errorf("%q: got %d %q, expected %d", q.bytes(), a.status, a.body, want)
	case d.Outcome == abi.Redirect && strings.TrimPrefix(a.header.Get("Location"), "http:") != d.Location:
		w.Errorf("%q: redirected to %q, expected %q", q.bytes(), a.header.Get("Location"), d.Location)
	}
	return true
}

// compare checks that the application gets the headers of a decision, each once.
func (w *world) compare(q fmt.Stringer, got *received, d *edge.Decision) {
	w.Helper()
	t := &d.Tenant
	for name, want := range map[string]string{
		"Tenantedge-Schema": t.Schema, "Tenantedge-Id": t.ID, "Tenantedge-Routing": string(t.Routing.Router), "Tenantedge-Folder": t.Routing.Folder,
		"Tenantedge-Urlconf": t.URLConf, "Tenantedge-Cache-Prefix": t.CachePrefix, "Tenantedge-Identifier": t.Identifier, "Tenant": t.Schema,
	} {
		values := got.Header[name]
		if len(values) > 1 || strings.Join(values, ",") != want {
			w.Errorf("%s: the application got %s %q, expected %q", q, name, values, want)
		}
	}
	if path, err := url.PathUnescape(got.Header.Get("Tenantedge-Path")); err != nil || path != t.Path {
		w.Errorf("%s: the application got the path %q, expected that of %q", q, got.Header.Get("Tenantedge-Path"), t.Path)
	}
}

// A proof for the request that the client sent counts, and the application gets the
// cookies that the edge has read.
func TestProofsAndSessionsThroughEachServer(t *testing.T) {
	throughEach(t, 1, func(t *testing.T, f *front, w *world) {
		const target = "/p%20x/a%2Fb?y=%2e&z" // Traefik would write %2f as %2F
		signed := func(target string) string {
			return proof.Header + ": " + proof.Sign(proofKey, "GET", "api.example.com", target, "beta", time.Now())
		}
		session := sessionCookie(`"gamma"`)
		for _, c := range []struct {
			name, schema string
			headers      []string
		}{
			{"a proof", "beta", []string{"tenant: beta", signed(target)}},
			{"a proof for another target", "", []string{"tenant: beta", signed("/p x/a/b?y=.&z")}},
			{"a session", "gamma", []string{"Cookie: oldsession=x; " + session + "; a=b"}},
		} {
			a := w.send(&request{target: target, headers: append([]string{"Host: api.example.com"}, c.headers...)})
			if (a.received != nil) != (c.schema != "") {
				t.Errorf("%s: got %d %q", c.name, a.status, a.body)
				continue
			}
			if got := a.received; got != nil && (got.Header.Get("Tenant") != c.schema || got.URI != target || got.Header[proof.Header] != nil) {
				t.Errorf("%s: the application got %+v", c.name, got)
			}
			if got := a.received; c.schema == "gamma" && got.Header.Get("Cookie") != session+"; a=b" {
				t.Errorf("%s: the application got the cookies %q", c.name, got.Header["Cookie"])
			}
		}
	})
}

// nginx and HAProxy pass on the target of the decision, also without the folder.
func TestThePathWithoutTheFolderReachesTheApplication(t *testing.T) {
	throughEach(t, 0, func(t *testing.T, f *front, w *world) {
		if f.name != decide.Nginx && f.name != decide.HAProxy {
			t.Skipf("%s does not pass on another path as it is; see README.md", f.name)
		}
		w.use(w.host, f.name, func(c *decide.Config) {
			for name, app := range c.Applications {
				app.Inner = true
				c.Applications[name] = app
			}
		})
		passed := 0
		for _, q := range append(ambiguous(), random(300)...) {
			a := w.send(q)
			if a.received == nil {
				continue
			}
			passed++
			got := a.received
			raw, _, _ := strings.Cut(got.URI, "?")
			path, err := url.PathUnescape(raw)
			inner, _ := url.PathUnescape(got.Header.Get("Tenantedge-Path"))
			if folder := got.Header.Get("Tenantedge-Folder"); err != nil || path != inner || got.Header.Get("X-Forwarded-Prefix") != strings.TrimSuffix("/"+folder, "/") {
				t.Errorf("%s: the application got %+v", q, got)
			}
		}
		if passed == 0 {
			t.Error("the application got no request")
		}
	})
}

// Servers that choose the application pass requests of urlconfs without an upstream to a
// listener of the edge.
func TestTheEdgeServesUrlconfsWithoutAnUpstream(t *testing.T) {
	suite := golden(t)[0]
	suite.Config.Default = &abi.DefaultTenant{URLConf: "reply"}
	for i := range fronts {
		f := &fronts[i]
		if f.name == decide.Traefik {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			f.program(t)
			w := newWorld(t)
			w.front = address(f.start(t, hostPort(w.decider), "127.0.0.1:1", "127.0.0.1:8082", hostPort(w.app)))
			w.use(hostOf(t, &suite), f.name)
			a := w.send(&request{target: "/beta/a%2Fb?c", headers: []string{"Host: shared.example.com"}})
			if a.received == nil || a.received.URI != "/beta/a%2Fb?c" || a.received.Host != "shared.example.com" {
				t.Errorf("got %d %q", a.status, a.body)
			}
		})
	}
}
