package tenantedge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/tenantedge/tenantedge/edge/caddy"
)

// world is a Caddy in this process, with an application. Caddy has global state, so
// tests with a world do not run in parallel.
type world struct {
	testing.TB
	dir     string
	address string // of the site
	admin   string
	app     *application
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), address: freeAddress(t), admin: freeAddress(t), app: newApplication(t)}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// edgeFile writes a configuration file of the edge and returns its path. @app
// is the URL of the application, @host its address.
func (w *world) edgeFile(yaml string) string {
	w.Helper()
	path := filepath.Join(w.dir, "tenantedge.yaml")
	w.write(path, strings.NewReplacer("@app", w.app.URL, "@host", w.app.Listener.Addr().String()).Replace(yaml))
	return path
}

func (w *world) write(path, content string) {
	w.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

// load makes Caddy run a site with these directives, and options as global options.
func (w *world) load(options, site string) {
	w.Helper()
	if err := w.reload(options, site); err != nil {
		w.Fatal(err)
	}
}

func (w *world) reload(options, site string) error {
	w.Helper()
	transport.CloseIdleConnections() // the server would close them
	return caddy.Load(w.adapt(options, site), false)
}

// adapt returns the configuration as JSON.
func (w *world) adapt(options, site string) []byte {
	w.Helper()
	_, port, _ := net.SplitHostPort(w.address)
	text := fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	storage file_system %s
	log {
		level ERROR
	}
	%s
}
http://:%s {
	bind 127.0.0.1
	%s
}
`, w.admin, filepath.Join(w.dir, "caddy"), options, port, site)
	text = strings.NewReplacer("@app", w.app.URL, "@host", w.app.Listener.Addr().String(), "@file", filepath.Join(w.dir, "tenantedge.yaml")).Replace(text)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		w.Fatal(err)
	}
	return adapted
}

// get requests a path of a host; fields are names and values of headers.
func (w *world) get(host, path string, fields ...string) *answer {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.address+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Host = host
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header[fields[i]] = append(r.Header[fields[i]], fields[i+1])
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) *answer {
	w.Helper()
	response, err := transport.RoundTrip(r)
	// A reload drops connections that the old socket has not accepted yet; see
	// README.md.
	for range 3 {
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
		response, err = transport.RoundTrip(r)
	}
	if err != nil {
		w.Fatal(err)
	}
	return read(w, response)
}

// transport follows no redirects.
var transport = &http.Transport{}

// answer is the answer to a request. Seen is what the application got, if it answered.
type answer struct {
	*http.Response
	body string
	seen seen
}

func read(t testing.TB, response *http.Response) *answer {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{Response: response, body: string(body)}
	if response.Header.Get("X-App") != "" {
		if err := json.Unmarshal(body, &a.seen); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// seen is a request as the application sees it.
type seen struct {
	Host, Target string
	Header       http.Header
	Trailer      http.Header
	Connection   int64 // tells connections apart
}

// application answers every request with what it has seen.
type application struct {
	*httptest.Server
	requests    atomic.Int64
	connections atomic.Int64
}

type connectionKey struct{}

func newApplication(t testing.TB) *application {
	a := new(application)
	a.Server = httptest.NewUnstartedServer(a)
	a.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, a.connections.Add(1))
	}
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	if r.Header.Get("Upgrade") != "" {
		echo(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-App", "1")
	_ = json.NewEncoder(w).Encode(seen{r.Host, r.RequestURI, r.Header, r.Trailer, r.Context().Value(connectionKey{}).(int64)})
}

// tenants is a configuration with static and dynamic tenants.
const tenants = `
tenants:
  www: {DOMAINS: [www.test], URLCONF: site}
  default: {URLCONF: app}
directory:
  source: file
  tenants:
    - {id: 1, schema_name: acme, plan: gold, cell: eu1}
    - {id: 2, schema_name: globex, plan: free, cell: us1}
    - {id: 3, schema_name: initech}
  domains:
    - {tenant_id: 1, domain: acme.test, is_primary: true}
    - {tenant_id: 1, domain: old.test, redirect_to_primary: true}
    - {tenant_id: 2, domain: globex.test, is_primary: true}
    - {tenant_id: 3, domain: shared.test, folder: initech, is_primary: true}
urlconfs:
  site: @app
  app: @app
upstream_headers: {schema: tenant, id: X-Tenant-Id, routing: X-Tenant-Routing, folder: X-Tenant-Folder, cache_prefix: X-Tenant-Cache}
`
