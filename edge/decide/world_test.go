package decide_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// compiled caches the guest's machine code for all tests.
var compiled string

func TestMain(m *testing.M) {
	var err error
	if compiled, err = wasmtest.CompileCache("edge/decide"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience is how long tests wait at most.
const patience = 30 * time.Second

// trusted is the address of clients that Hosts of the tests trust; others come from
// 127.0.0.1.
const trusted = "127.0.0.2"

var proofKey = proof.Key{ID: "k1", Secret: []byte("0123456789abcdef0123456789abcdef")}

// cookieSessions reads the session from the cookie "session", as JSON in base64.
type cookieSessions struct{}

func (cookieSessions) Session(_ context.Context, h http.Header) (map[string]json.RawMessage, error) {
	c, err := (&http.Request{Header: h}).Cookie("session")
	if err != nil {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil, nil
	}
	return map[string]json.RawMessage{"tenant": text}, nil
}

// CleanSession removes the cookie "oldsession", which an application could read.
func (cookieSessions) CleanSession(h http.Header) http.Header {
	if before, rest, found := strings.Cut(h.Get("Cookie"), "oldsession=x; "); found {
		h = h.Clone()
		h.Set("Cookie", before+rest)
	}
	return h
}

func sessionCookie(value string) string {
	return "session=" + base64.RawURLEncoding.EncodeToString([]byte(value))
}

// hostOf returns the Host of a suite of golden cases.
func hostOf(t testing.TB, s *tck.Suite, changes ...func(*edge.Config)) *edge.Host {
	t.Helper()
	directory := tenantdb.NewDirectory(tenantdb.Options{})
	directory.Replace(stateOf(s))
	c := edge.Config{
		GuestConfig: s.Config, Directory: directory, CompileCache: compiled, Sessions: cookieSessions{},
		TrustedPeers: []netip.Prefix{netip.MustParsePrefix(trusted + "/32")}, ProofKeys: []proof.Key{proofKey},
		Limits: edge.GuestLimits{Deadline: patience, QueueTimeout: patience},
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&c)
	}
	host, err := edge.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	return host
}

// stateOf returns the rows of a suite.
func stateOf(s *tck.Suite) (state tenantdb.State) {
	for _, row := range s.Tenants {
		tenant := tenantdb.Tenant{ID: row.ID, Schema: row.Schema}
		for name, value := range row.Attributes {
			tenant.Attributes = append(tenant.Attributes, tenantdb.Attribute{Name: name, Value: value})
		}
		state.Tenants = append(state.Tenants, tenant)
	}
	for _, d := range s.Domains {
		state.Domains = append(state.Domains, tenantdb.Domain{
			TenantID: d.Tenant, Domain: d.Domain, Folder: d.Folder, IsPrimary: d.IsPrimary, RedirectToPrimary: d.RedirectToPrimary,
		})
	}
	return state
}

// golden returns the suites of golden cases that have requests.
func golden(t testing.TB) []tck.Suite {
	t.Helper()
	all, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	var suites []tck.Suite
	for _, s := range all {
		if len(s.Routes) > 0 {
			suites = append(suites, s)
		}
	}
	return suites
}

// world is an edge that decides, and an application that reports what it gets.
type world struct {
	testing.TB
	decider, app *httptest.Server
	handler      atomic.Pointer[decide.Handler]
	host         *edge.Host
	asked        atomic.Int64
	last         atomic.Pointer[decide.Decision]
	front        string      // address of the server under test
	cacheable    atomic.Bool // what the application answers may be cached, and varies as the request says
}

// received is what the application reports.
type received struct {
	Method, Host, URI string
	Header            http.Header
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t}
	w.decider = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		if h := w.handler.Load(); h != nil {
			h.ServeHTTP(out, r)
			return
		}
		out.WriteHeader(http.StatusServiceUnavailable) // while the server starts
	}))
	w.app = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		out.Header().Set("X-App", "1")
		if w.cacheable.Load() {
			out.Header().Set("Cache-Control", "max-age=600")
			if vary := r.Header.Get("X-Vary"); vary != "" {
				out.Header().Set("Vary", vary)
			}
		}
		_ = json.NewEncoder(out).Encode(received{r.Method, r.Host, r.RequestURI, r.Header})
	}))
	t.Cleanup(w.decider.Close)
	t.Cleanup(w.app.Close)
	return w
}

// use makes the decisions those of a Host, for a preset.
func (w *world) use(host *edge.Host, preset string, changes ...func(*decide.Config)) {
	w.Helper()
	app, err := url.Parse(w.app.URL)
	if err != nil {
		w.Fatal(err)
	}
	c := decide.Config{
		Host: host, Preset: preset, Attributes: []string{"plan"}, Logger: slog.New(slog.DiscardHandler),
		Applications: map[string]decide.Application{"app.urls": {URL: app}, "www.urls": {URL: app}, "blog.urls": {URL: app}},
		Decided:      func(_ *http.Request, d *decide.Decision) { w.last.Store(d) },
	}
	for _, change := range changes {
		change(&c)
	}
	h, err := decide.New(c)
	if err != nil {
		w.Fatal(err)
	}
	w.host = host
	w.handler.Store(h)
}

func hostPort(s *httptest.Server) string { return s.Listener.Addr().String() }

// request is a request that a client sends byte for byte.
type request struct {
	method, target string
	version        string // default HTTP/1.1
	headers        []string
	from           string // local address; default 127.0.0.1
}

func (q *request) bytes() string {
	text := cmp.Or(q.method, "GET") + " " + q.target + " " + cmp.Or(q.version, "HTTP/1.1") + "\r\n"
	for _, h := range q.headers {
		text += h + "\r\n"
	}
	return text + "\r\n"
}

// answer is a response. received is nil if the application did not get the request.
type answer struct {
	status   int
	header   http.Header
	body     string
	received *received
}

// send sends a request to the server under test.
func (w *world) send(q *request) answer {
	w.Helper()
	dialer := net.Dialer{Timeout: patience}
	if q.from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(q.from)}
	}
	conn, err := dialer.Dial("tcp", w.front)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetLinger(0) // so that thousands of requests do not use up the ports
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, q.bytes()); err != nil {
		w.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: cmp.Or(q.method, "GET")})
	if err != nil {
		return answer{} // the server closed the connection
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return answerOf(resp, string(body))
}

func answerOf(resp *http.Response, body string) answer {
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	if resp.Header.Get("X-App") != "" {
		a.received = &received{}
		if err := json.Unmarshal([]byte(body), a.received); err != nil {
			a.received = nil
		}
	}
	return a
}

// decided returns what the Host decides on a request that it gets itself.
func (w *world) decided(in *edge.Incoming) (edge.Decision, error) {
	q, err := w.host.RequestFrom(w.Context(), in)
	if err != nil {
		return edge.Decision{}, err
	}
	return w.host.Route(w.Context(), &q)
}

// statusOf is the status that a client gets for a decision.
func statusOf(d *edge.Decision, err error) int {
	switch {
	case err != nil:
		return edge.AsRouteError(err).Status
	case d.Outcome == abi.None:
		return http.StatusNotFound
	}
	return d.Status
}

// spellings returns a name in the spellings that some application server reads as
// the same.
func spellings(name string) []string {
	return []string{
		name, strings.ToLower(name), strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ToLower(strings.ReplaceAll(name, "-", "_")),
		strings.Replace(name, "-", "_", 1), strings.ReplaceAll(name, "-", "."), strings.ReplaceAll(name, "-", "!"),
	}
}
