package serve

import (
	"bufio"
	"cmp"
	"context"
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
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// compiled caches the guest's machine code for all tests.
var compiled string

func TestMain(m *testing.M) {
	var err error
	if compiled, err = wasmtest.CompileCache("edge/serve"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if location := os.Getenv(uploadServerVariable); location != "" {
		serveUploads(location)
	}
	os.Exit(m.Run())
}

// patience is how long tests wait at most; nothing should take that long.
const patience = 30 * time.Second

// world is a server on real sockets, with tenants:
//
//	www     static   www-site.example.com            urlconf "app"
//	files   static   files.example.com               urlconf "files"
//	acme    dynamic  acme.example.com (primary), old.example.com (redirects),
//	                 shared.example.com/acme/, moved.example.com/acme/ (redirects)
//	umbra   dynamic  umbra.example.com
//
// and an application that reports what it got.
type world struct {
	*testing.T
	server *Server
	app    *httptest.Server
	logs   *lines
	folder string // of urlconf files
	ended  chan error
	end    context.CancelFunc
}

type setup struct {
	edge    edge.Config
	options settings
	app     http.Handler // default: echo
}

func loopbackPeers() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func start(t *testing.T, changes ...func(*setup)) *world {
	t.Helper()
	w := &world{T: t, logs: &lines{}, ended: make(chan error, 1), folder: t.TempDir()}
	s := setup{app: http.HandlerFunc(echo)}
	logger := slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	directory := directory()
	s.edge = edge.Config{
		GuestConfig: abi.Config{
			Tenants: []abi.StaticTenant{
				{Schema: "www", Domains: []string{"www-site.example.com"}, URLConf: "app"},
				{Schema: "files", Domains: []string{"files.example.com"}, URLConf: "files"},
				{Schema: "gone", Domains: []string{"gone.example.com"}, URLConf: "gone"},
				{Schema: "lost", Domains: []string{"lost.example.com"}, URLConf: "not-configured"},
			},
			Default: &abi.DefaultTenant{URLConf: "app"},
		},
		Directory: directory, CompileCache: compiled,
	}
	s.options = settings{
		Listeners: []config.Listener{{Address: "127.0.0.1:0", H2: true}}, Admin: "127.0.0.1:0",
		Limits:    config.Limits{ReadHeaderTimeout: patience, DialTimeout: patience, ShutdownTimeout: patience, FileCache: 1 << 20},
		Directory: directory.Stats, Logger: logger,
		URLConfs: map[string]config.URLConf{
			"files": {Files: w.folder},
			"gone":  {Reply: &config.Reply{Status: http.StatusGone, Header: http.Header{"X-Why": {"closed"}}, Body: "closed\n"}},
		},
	}
	for _, change := range changes {
		change(&s)
	}
	// Limits are long unless a test is about time: the machine may be busy.
	s.edge.Limits.Deadline = cmp.Or(s.edge.Limits.Deadline, patience)
	s.edge.Limits.QueueTimeout = cmp.Or(s.edge.Limits.QueueTimeout, patience)
	w.app = httptest.NewServer(s.app)
	t.Cleanup(w.app.Close)
	if app := s.options.URLConfs["app"]; app.Reply == nil && app.Files == "" && !app.Media && app.Upstream == nil {
		u, err := url.Parse(w.app.URL)
		if err != nil {
			t.Fatal(err)
		}
		app.Upstream = u
		s.options.URLConfs["app"] = app
	}
	var err error
	if w.server, err = newServer(t.Context(), s.edge, s.options); err != nil {
		t.Fatal(err)
	}
	w.run()
	return w
}

// prepared returns a generation of settings without a Host.
func prepared(t *testing.T, o settings, logs io.Writer) *generation {
	t.Helper()
	s := newShell(t.Context(), Options{Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	t.Cleanup(func() { _ = s.Close() }) // nothing was opened
	g := &generation{common: &s.common, options: o, core: core{log: s.log}}
	if err := g.prepare(&edge.Config{}); err != nil {
		t.Fatal(err)
	}
	return g
}

func directory() *tenantdb.Directory {
	d := tenantdb.NewDirectory(tenantdb.Options{})
	d.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "umbra"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "old.example.com", RedirectToPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme"},
			{TenantID: "1", Domain: "moved.example.com", Folder: "acme", RedirectToPrimary: true},
			{TenantID: "2", Domain: "umbra.example.com", IsPrimary: true},
		},
	})
	return d
}

func (w *world) run() {
	w.Helper()
	if err := w.server.listenAdmin(); err != nil {
		w.Fatal(err)
	}
	if err := w.server.listen(); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	w.server.watch(ctx, w.server.now())
	go func() { w.ended <- w.server.serve(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := w.server.Close(); err != nil {
			w.Errorf("closing: %v", err)
		}
	})
	w.eventually("ready", func() bool { return w.server.Readiness().Ready })
}

func (w *world) addr() string { return w.server.Addrs()[0].String() }

// request returns a request to the first listener for a host.
func (w *world) request(method, host, target string, headers ...string) *http.Request {
	w.Helper()
	r, err := http.NewRequest(method, "http://"+w.addr()+target, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

var noRedirects = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body string
}

func (w *world) do(r *http.Request) answer {
	w.Helper()
	resp, err := noRedirects.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp, string(body)}
}

// page returns the body without the id of the request, which differs from request to
// request.
func (a answer) page() string {
	return strings.Replace(a.body, "request "+a.Header.Get("X-Request-Id")+"\n", "", 1)
}

func (w *world) get(host, target string, headers ...string) answer {
	w.Helper()
	return w.do(w.request(http.MethodGet, host, target, headers...))
}

// raw sends bytes unchanged and reads one response.
func (w *world) raw(text string) *http.Response {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		w.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.Fatalf("%q: %v", text, err)
	}
	w.Cleanup(func() { resp.Body.Close() })
	return resp
}

// received is what the application reports that it got.
type received struct {
	Method, Host, URI, Peer string
	Header                  http.Header
	Body                    string
}

// echo is an application that reports what it got.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(received{r.Method, r.Host, r.RequestURI, r.RemoteAddr, r.Header, string(body)})
}

func (a answer) received(t *testing.T) received {
	t.Helper()
	var got received
	if a.StatusCode != http.StatusOK {
		t.Fatalf("status %d with %q, expected what the application got", a.StatusCode, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return got
}

// eventually waits until holds, which other goroutines make true.
func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("timed out waiting for: %s", what)
		}
	}
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// entries returns the lines with this message.
func (l *lines) entries(message string) []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(l.String()) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil && e["msg"] == message {
			found = append(found, e)
		}
	}
	return found
}
