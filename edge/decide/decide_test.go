package decide_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// asks sends a question byte for byte and returns the answer.
func (w *world) asks(text string) *http.Response {
	w.Helper()
	conn, err := net.DialTimeout("tcp", hostPort(w.decider), patience)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n\r\n"); err != nil {
		w.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatalf("%q: %v", text, err)
	}
	w.Cleanup(func() { resp.Body.Close() })
	return resp
}

// questions are requests for http://shared.example.com/beta/x?y as each server
// describes them; those of Envoy as its documentation describes them.
var questions = map[string]string{
	decide.Nginx: "GET / HTTP/1.1\nHost: tenantedge\nX-Original-Method: GET\nX-Original-Host: shared.example.com\nX-Original-Uri: /beta/x?y\n" +
		"X-Original-Proto: http\nX-Original-For: 192.0.2.1\nConnection: \nUser-Agent: test",
	decide.HAProxy: "GET / HTTP/1.1\nhost: tenantedge\nx-original-method: GET\nx-original-host: shared.example.com\nx-original-uri: /beta/x?y\n" +
		"x-original-proto: http\nx-original-for: 192.0.2.1",
	decide.Traefik: "GET / HTTP/1.1\nHost: 127.0.0.1:9000\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: shared.example.com\nX-Forwarded-Method: GET\n" +
		"X-Forwarded-Port: 80\nX-Forwarded-Proto: http\nX-Forwarded-Uri: /beta/x?y\nAccept-Encoding: gzip",
	decide.Caddy: "GET / HTTP/1.1\nHost: shared.example.com\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: shared.example.com\nX-Forwarded-Method: GET\n" +
		"X-Forwarded-Proto: http\nX-Forwarded-Uri: /beta/x?y\nVia: 1.1 Caddy",
	decide.Envoy: "GET /beta/x?y HTTP/1.1\nhost: shared.example.com\ncontent-length: 0\nx-forwarded-for: 192.0.2.7, 192.0.2.1\nx-forwarded-proto: http\n" +
		"x-request-id: 1\nx-envoy-internal: true",
}

func TestEachPresetReadsItsServersQuestions(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	if !slices.Equal(decide.Presets(), []string{"caddy", "envoy", "haproxy", "nginx", "traefik"}) {
		t.Errorf("presets: %q", decide.Presets())
	}
	for _, preset := range decide.Presets() {
		t.Run(preset, func(t *testing.T) {
			w.use(host, preset)
			resp := w.asks(questions[preset])
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d, %+v", resp.StatusCode, w.last.Load())
			}
			for name, want := range map[string]string{
				"Status": "200", "Schema": "beta", "Id": "2", "Routing": "domain", "Folder": "beta", "Path": "/x", "Urlconf": "app.urls", "Upstream": w.app.URL,
				"Target": "/beta/x?y", "Host": "shared.example.com", "Cache-Prefix": "beta", "Identifier": "beta-files", "Attribute-Plan": "gold",
			} {
				if got := resp.Header["Tenantedge-"+name]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q, expected %q", name, got, want)
				}
			}
			if got := resp.Header.Get("Tenant"); got != "beta" {
				t.Errorf("tenant: %q", got)
			}
			if in := w.last.Load().Request; in.RemoteAddr != "192.0.2.1:0" || in.TLS {
				t.Errorf("the request is %+v", in)
			}
		})
	}
}

func TestH18AQuestionThatDescribesNoRequestIsAnError(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	for _, preset := range decide.Presets() {
		w.use(host, preset)
		lines := strings.Split(questions[preset], "\n")
		for i, line := range lines[1:] {
			name, _, _ := strings.Cut(line, ":")
			lower := strings.ToLower(name)
			if !strings.HasPrefix(lower, "x-original-") && !strings.HasPrefix(lower, "x-forwarded-") || lower == "x-forwarded-port" {
				continue
			}
			rest := slices.Delete(slices.Clone(lines), i+1, i+2)
			for what, changed := range map[string][]string{
				"without":        rest,
				"empty":          append(slices.Clone(rest), name+":"),
				"twice":          append(slices.Clone(lines), line),
				"other spelling": append(slices.Clone(rest), strings.ReplaceAll(line, "-", "_")),
				"a list":         append(slices.Clone(rest), line+", x"),
			} {
				resp := w.asks(strings.Join(changed, "\n"))
				if resp.StatusCode == http.StatusOK || resp.Header.Get("Tenantedge-Schema") != "" {
					if what == "a list" && (strings.HasSuffix(lower, "-uri") || strings.HasSuffix(lower, "-method")) {
						continue // of a target, a comma is a part
					}
					t.Errorf("%s: %s %s: got %d %q", preset, what, name, resp.StatusCode, resp.Header)
				}
			}
		}
	}
	if got := w.handler.Load().Counts()[decide.ResultUnreadable]; got == 0 {
		t.Error("no unreadable question was counted")
	}
}

func TestOnlyPeersMayAsk(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	for peer, want := range map[string]int{"127.0.0.0/8": 200, "192.0.2.0/24": 403} {
		w.use(host, decide.Envoy, func(c *decide.Config) { c.Peers = []netip.Prefix{netip.MustParsePrefix(peer)} })
		if resp := w.asks(questions[decide.Envoy]); resp.StatusCode != want {
			t.Errorf("peers %s: %d, expected %d", peer, resp.StatusCode, want)
		}
	}
	w.use(host, decide.Envoy)
	r := httptest.NewRequest("GET", "/beta/x", nil)
	r.Host, r.RemoteAddr = "shared.example.com", "192.0.2.9:1"
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	r.Header.Set("X-Forwarded-Proto", "http")
	out := httptest.NewRecorder()
	if w.handler.Load().ServeHTTP(out, r); out.Code != http.StatusForbidden || len(out.Header()["Tenantedge-Schema"]) > 0 {
		t.Errorf("a peer outside of loopback got %d", out.Code)
	}
}

func TestValuesAreSafeInHeaders(t *testing.T) {
	w := newWorld(t)
	suite := golden(t)[0]
	suite.Tenants[0].Attributes = map[string]string{"plan": "a,b; \"c\"\r\nX-Evil: é%"}
	w.use(hostOf(t, &suite), decide.Envoy)
	for target, want := range map[string]string{
		"/a%0d%0aX-Evil:%20b": "/a%0d%0aX-Evil:%20b", "/%C3%A9": "/%C3%A9", "/a%2Fb%25": "/a%2Fb%25", "/a//b": "/a//b", "/a\xc3\xa9": "/a%C3%A9",
	} {
		resp := w.asks(strings.Replace(strings.Replace(questions[decide.Envoy], "/beta/x?y", target, 1), "shared", "acme", 1))
		if got := resp.Header.Get("Tenantedge-Path"); resp.StatusCode != http.StatusOK || got != want {
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %d, path %q, expected %q", target, resp.StatusCode, got, want)
			}
		}
		if resp.StatusCode == http.StatusOK && resp.Header.Get("Tenantedge-Attribute-Plan") != "a%2Cb%3B%20%22c%22%0D%0AX-Evil:%20%C3%A9%25" {
			t.Errorf("attribute %q", resp.Header.Get("Tenantedge-Attribute-Plan"))
		}
		if len(resp.Header["X-Evil"]) > 0 {
			t.Errorf("%q: a header was injected", target)
		}
	}
}

// The application gets the path without the folder, below the path of its URL.
func TestTheTargetIsThatOfTheUrlconf(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	for _, c := range []struct {
		base   string
		inner  bool
		target string
		prefix string
	}{
		{"", false, "/beta/x?y", ""}, {"", true, "/x?y", "/beta"}, {"/base/", true, "/base/x?y", "/beta"}, {"/base", false, "/base/beta/x?y", ""},
	} {
		u, _ := url.Parse("http://app:8000" + c.base)
		w.use(host, decide.Traefik, func(d *decide.Config) {
			d.Applications = map[string]decide.Application{"app.urls": {URL: u, Inner: c.inner}}
		})
		h := w.asks(questions[decide.Traefik]).Header
		if h.Get("Tenantedge-Target") != c.target || h.Get("Tenantedge-Upstream") != "http://app:8000" || h.Get("X-Forwarded-Prefix") != c.prefix {
			t.Errorf("%+v: got %v", c, h)
		}
	}
}

func TestARequestWithoutATenantGoesToTheFallback(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	question := strings.Replace(questions[decide.Envoy], "shared", "unknown", 1) + "\ntenant: beta\nx-forwarded-prefix: /beta"
	w.use(host, decide.Envoy)
	if resp := w.asks(question); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a fallback: %d", resp.StatusCode)
	}
	w.use(host, decide.Envoy, func(c *decide.Config) { c.Fallback = "www.urls" })
	resp := w.asks(question)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Tenantedge-Urlconf") != "www.urls" || resp.Header.Get("Tenantedge-Target") != "/beta/x?y" {
		t.Errorf("with a fallback: %d %v", resp.StatusCode, resp.Header)
	}
	// Envoy keeps a client's header unless the answer has one.
	for _, name := range []string{"Tenantedge-Schema", "Tenantedge-Routing", "Tenant", "X-Forwarded-Prefix"} {
		if values := resp.Header[name]; len(values) != 1 || values[0] != "" {
			t.Errorf("%s: %q, expected an empty one", name, values)
		}
	}
	if n := w.handler.Load().Counts()[decide.ResultFallback]; n != 1 {
		t.Errorf("%d were counted", n)
	}
}

// nginx knows only 403; the others pass the status and the Location on.
func TestARefusalHasAStatusThatTheServerPassesOn(t *testing.T) {
	w := newWorld(t)
	host := hostOf(t, &golden(t)[0])
	for _, preset := range decide.Presets() {
		w.use(host, preset)
		for from, want := range map[string]int{"shared.example.com": 200, "old.example.com": 301, "unknown.example.com": 404, "a b.example.com": 400} {
			resp := w.asks(strings.ReplaceAll(questions[preset], "shared.example.com", from))
			status, location := resp.StatusCode, resp.Header.Get("Location")
			if preset == decide.Nginx && want != 200 {
				if status != http.StatusForbidden {
					t.Errorf("%s, %s: %d, expected 403", preset, from, status)
				}
				_, _ = fmt.Sscan(resp.Header.Get("Tenantedge-Status"), &status)
				location = resp.Header.Get("Tenantedge-Location")
			}
			if status != want || want == 301 && location != "http://acme.example.com/beta/x?y" {
				t.Errorf("%s, %s: %d to %q, expected %d", preset, from, status, location, want)
			}
			if schema := resp.Header.Get("Tenantedge-Schema"); want != 200 && schema != "" {
				t.Errorf("%s, %s: the refusal names the tenant %s", preset, from, schema)
			}
		}
	}
}

func TestH18HeadersOfTheDecisionAreRefusedFromClients(t *testing.T) {
	w := newWorld(t)
	w.use(hostOf(t, &golden(t)[0]), decide.Envoy)
	for _, name := range guardedNames {
		for _, s := range spellings(name) {
			resp := w.asks(questions[decide.Envoy] + "\n" + s + ": forged")
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d, expected 400", s, resp.StatusCode)
			}
		}
	}
	// The usual spelling of other guarded headers is the server's to replace.
	for name, want := range map[string]int{"tenant": 200, "Forwarded": 200, "X_Real_Ip": 400, "te_nant": 200, "Remote_User": 400, "X-Accel-Redirect": 200, "X_Accel!Redirect": 400} {
		if resp := w.asks(questions[decide.Envoy] + "\n" + name + ": forged"); resp.StatusCode != want {
			t.Errorf("%s: %d, expected %d", name, resp.StatusCode, want)
		}
	}
}

var guardedNames = []string{"Tenantedge-Schema", "Tenantedge-Id", "Tenantedge-Upstream", "Tenantedge-Attribute-Plan", "Tenantedge-Attribute-Other"}

// A tenant header counts from trusted clients and with a proof for the request that
// the client sent; a session is read from the client's cookies, and the application
// gets those that the edge has read.
func TestH18TrustProofsAndSessionsAreThoseOfTheClient(t *testing.T) {
	w := newWorld(t)
	w.use(hostOf(t, &golden(t)[1]), decide.Envoy)
	signed := func(host string) string {
		return "\ntenant: beta\n" + proof.Header + ": " + proof.Sign(proofKey, "GET", host, "/beta/x?y", "beta", time.Now())
	}
	for _, c := range []struct{ name, headers, client, schema string }{
		{"nothing", "", "192.0.2.1", ""},
		{"the tenant header", "\ntenant: beta", "192.0.2.1", ""},
		{"the tenant header of a trusted client", "\ntenant: beta", trusted, "beta"},
		{"a proof", signed("api.example.com"), "192.0.2.1", "beta"},
		{"a proof for another host", signed("other.example.com"), "192.0.2.1", ""},
		{"a session", "\ncookie: " + sessionCookie(`"gamma"`), "192.0.2.1", "gamma"},
		{"a session and another cookie", "\ncookie: oldsession=x; " + sessionCookie(`"gamma"`), "192.0.2.1", "gamma"},
		{"an invalid session", "\ncookie: session=!", "192.0.2.1", ""},
	} {
		question := strings.Replace(strings.Replace(questions[decide.Envoy], "shared", "api", 1), ", 192.0.2.1", ", "+c.client, 1) + c.headers
		resp := w.asks(question)
		if got := resp.Header.Get("Tenantedge-Schema"); got != c.schema || (resp.StatusCode == 200) != (c.schema != "") {
			t.Errorf("%s: %d, tenant %q, expected %q", c.name, resp.StatusCode, got, c.schema)
		}
		if cookie := resp.Header.Get("Cookie"); strings.Contains(cookie, "oldsession") || c.schema == "gamma" && cookie != sessionCookie(`"gamma"`) {
			t.Errorf("%s: the application gets the cookies %q", c.name, cookie)
		}
	}
}

func TestOnlyWebsocketHandshakesOfOwnPagesAreUpgrades(t *testing.T) {
	w := newWorld(t)
	w.use(hostOf(t, &golden(t)[0]), decide.Traefik)
	const key = "\nSec-Websocket-Version: 13\nSec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for headers, want := range map[string]int{
		key: 200, // Traefik removes Upgrade
		"\nUpgrade: websocket\nConnection: Upgrade" + key: 200,
		key + "\nOrigin: http://shared.example.com":       200,
		key + "\nOrigin: http://evil.example":             403,
		"\nSec-Websocket-Key: short":                      426,
		"\nUpgrade: h2c\nConnection: Upgrade":             400,
		"\nUpgrade: websocket":                            426,
	} {
		if resp := w.asks(questions[decide.Traefik] + headers); resp.StatusCode != want {
			t.Errorf("%q: %d, expected %d (%s)", headers, resp.StatusCode, want, w.last.Load().Reason)
		}
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	host := hostOf(t, &golden(t)[0])
	for name, c := range map[string]decide.Config{
		"no Host":                  {Preset: decide.Nginx},
		"an unknown preset":        {Host: host, Preset: "apache"},
		"attributes of one header": {Host: host, Preset: decide.Nginx, Attributes: []string{"a_b", "a-b"}},
	} {
		if _, err := decide.New(c); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
}

func FuzzQuestion(f *testing.F) {
	w := newWorld(f)
	host := hostOf(f, &golden(f)[0], func(c *edge.Config) { c.Upstream = upstream.DefaultHeaders() })
	for _, preset := range decide.Presets() {
		f.Add(preset, "GET", "shared.example.com", "/beta/x?y", "http", "192.0.2.1", "Tenantedge-Schema", "forged")
	}
	f.Add("nginx", "POST", "", "*", "https", "::1", "X_Forwarded_For", "a")
	f.Fuzz(func(t *testing.T, preset, method, hostHeader, target, proto, client, name, value string) {
		if !slices.Contains(decide.Presets(), preset) {
			return
		}
		w.TB = t
		w.use(host, preset)
		prefix := map[bool]string{true: "X-Original-", false: "X-Forwarded-"}[preset == decide.Nginx || preset == decide.HAProxy]
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "127.0.0.1:1"
		if preset == decide.Envoy {
			r.Method, r.Host, r.RequestURI = method, hostHeader, target
		}
		r.Header = http.Header{prefix + "Method": {method}, prefix + "Host": {hostHeader}, prefix + "Uri": {target}, prefix + "Proto": {proto}, prefix + "For": {client}}
		r.Header.Add(name, value)
		out := httptest.NewRecorder()
		w.handler.Load().ServeHTTP(out, r)
		d := w.last.Load()
		if out.Code != http.StatusOK {
			return
		}
		again, err := w.decided(&edge.Incoming{Method: d.Request.Method, Host: d.Request.Host, Target: d.Request.Target, RemoteAddr: d.Request.RemoteAddr, Header: http.Header{}})
		if err != nil || again.Outcome != abi.Tenant || url.PathEscape(again.Tenant.Schema) != out.Header().Get("Tenantedge-Schema") {
			t.Errorf("%+v: the answer names %q, the Host decides %+v %v", d.Request, out.Header().Get("Tenantedge-Schema"), again, err)
		}
		for name, values := range out.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("%s: %q", name, v)
				}
			}
		}
	})
}
