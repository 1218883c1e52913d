package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"

	httpwasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"

	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// ServeCommand is the command with which the benchmark starts its own executable
// as a server, a separate process whose processor time can be measured.
const ServeCommand = "serve"

// Serve runs a server on a loopback address, which it writes to stdout, until
// stdin is closed. The arguments are the kind of server and the number of domains.
func Serve(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("%s: expected a kind of server and a number of domains, found %q", ServeCommand, args)
	}
	domains, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	t, err := table.New(domains)
	if err != nil {
		return err
	}
	handler, closeHandler, err := handlers[args[0]](ctx, t)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, closeHandler())
	}
	server := http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	fmt.Fprintln(stdout, listener.Addr())
	_, err = io.Copy(io.Discard, stdin)
	err = errors.Join(err, server.Close())
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return errors.Join(err, closeHandler())
}

type startHandler func(ctx context.Context, t *table.Table) (http.Handler, func() error, error)

// handlers are the servers in Go. All route to the same application.
var handlers = map[string]startHandler{
	rivals.Native: nativeHandler,
	rivals.Edge:   edgeHandler,
	swapped:       swappedHandler,
	"http-wasm":   httpWasmHandler,
}

// answerTenant is the application: it responds with the schema and the path.
func answerTenant(w http.ResponseWriter, schema, path string) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, schema+" "+path) // fails only if the connection is closed
}

func edgeHandler(ctx context.Context, t *table.Table) (http.Handler, func() error, error) {
	host, err := startEdge(ctx, t, func(*edge.Config) {})
	if err != nil {
		return nil, nil, err
	}
	return withApplication(host), host.Close, nil
}

func startEdge(ctx context.Context, t *table.Table, change func(*edge.Config)) (*edge.Host, error) {
	config := t.EdgeConfig()
	config.Logger = slog.New(slog.DiscardHandler)
	change(&config)
	return edge.New(ctx, config)
}

// withApplication returns the host's middleware around the application.
func withApplication(host *edge.Host) http.Handler { return host.Middleware(application) }

// application responds with the tenant in the context and the path. Its type keeps
// the compiler from inlining it into a middleware.
var application http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	t, _ := tenant.From(r.Context())
	answerTenant(w, t.Schema, r.URL.Path)
})

// nativeMiddleware is the middleware without Wasm. Like ours it calls next through
// an interface with the tenant in the context and the inner path, and responds
// itself if there is no tenant. It neither checks nor removes headers.
type nativeMiddleware struct {
	routers sync.Pool
	next    http.Handler
}

func nativeHandler(_ context.Context, t *table.Table) (http.Handler, func() error, error) {
	create, err := rivals.NewNativeRouters(t)
	m := &nativeMiddleware{next: application, routers: sync.Pool{New: func() any { return create() }}}
	return m, func() error { return nil }, err
}

func (m *nativeMiddleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	router := m.routers.Get().(*rivals.NativeRouter)
	defer m.routers.Put(router) // the decision shares its memory
	q := edge.Request{Method: r.Method, Scheme: "http", Host: r.Host, NoHost: r.Host == "", Target: r.RequestURI, Path: r.URL.Path, Header: r.Header, RemoteAddr: r.RemoteAddr}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	var d edge.Decision
	router.Decide(&q, &d)
	switch d.Outcome {
	case abi.Tenant:
		t := d.Tenant // on the heap, without the rest of the decision
		out := r.WithContext(tenant.NewContext(r.Context(), &t))
		if t.Path != r.URL.Path {
			inner := *r.URL
			inner.Path, inner.RawPath = t.Path, ""
			out.URL = &inner
		}
		m.next.ServeHTTP(w, out)
	case abi.Redirect:
		w.Header().Set("Location", d.Location)
		w.WriteHeader(d.Status)
	default:
		http.Error(w, http.StatusText(d.Status), d.Status)
	}
}

func httpWasmHandler(ctx context.Context, t *table.Table) (http.Handler, func() error, error) {
	guest, err := rivals.HTTPWasmGuest(ctx)
	if err != nil {
		return nil, nil, err
	}
	options, err := rivals.HTTPWasmOptions(t)
	if err != nil {
		return nil, nil, err
	}
	m, err := httpwasm.NewMiddleware(ctx, guest, options...)
	if err != nil {
		return nil, nil, err
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answerTenant(w, r.Header.Get("Tenant"), r.URL.Path)
	})
	return m.NewHandler(ctx, next), func() error { return m.Close(context.Background()) }, nil
}
