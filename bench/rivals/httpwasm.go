package rivals

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unsafe"

	httpwasm "github.com/http-wasm/http-wasm-host-go/api/handler"
	"github.com/http-wasm/http-wasm-host-go/handler"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// httpWasm is http-wasm-host-go with its own pool and a host that only passes
// on the request: the counterpart of edge.Host.Route.
type httpWasm struct{ middleware handler.Middleware }

func startHTTPWasm(ctx context.Context, t *table.Table) (Rival, error) {
	guest, err := HTTPWasmGuest(ctx)
	if err != nil {
		return nil, err
	}
	options, err := HTTPWasmOptions(t)
	if err != nil {
		return nil, err
	}
	m, err := handler.NewMiddleware(ctx, guest, httpWasmHost{}, options...)
	if err != nil {
		return nil, fmt.Errorf("rivals: http-wasm: %w", err)
	}
	return &httpWasm{m}, nil
}

// HTTPWasmGuest builds the guest in the folder httpwasm, with the flags of the
// default guest.
func HTTPWasmGuest(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bench-httpwasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-o", out, "github.com/tenantedge/tenantedge/bench/rivals/httpwasm")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("rivals: building the guest for http-wasm: %w\n%s", err, text)
	}
	return os.ReadFile(out)
}

// HTTPWasmOptions returns options that configure the guest and add the host
// function that looks tenants up in the table.
func HTTPWasmOptions(t *table.Table) ([]handler.Option, error) {
	config, err := t.GuestConfig()
	if err != nil {
		return nil, err
	}
	return []handler.Option{
		handler.GuestConfig(config),
		handler.ModuleConfig(wazero.NewModuleConfig().WithStartFunctions(abi.ExportInitialize).WithSysWalltime().WithSysNanotime()),
		handler.Runtime(func(ctx context.Context) (wazero.Runtime, error) {
			r := wazero.NewRuntime(ctx)
			_, err := r.NewHostModuleBuilder(abi.ImportModule).NewFunctionBuilder().
				WithGoModuleFunction(tenantByDomain(t.Directory),
					[]api.ValueType{api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32},
					[]api.ValueType{api.ValueTypeI64}).
				Export(abi.ImportTenantByDomain).Instantiate(ctx)
			return r, err
		}),
	}, nil
}

// tenantByDomain returns a minimal implementation of the host function of that
// name.
func tenantByDomain(d *tenantdb.Directory) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, stack []uint64) {
		domain, ok1 := m.Memory().Read(uint32(stack[0]), uint32(stack[1]))
		folder, ok2 := m.Memory().Read(uint32(stack[2]), uint32(stack[3]))
		out, ok3 := m.Memory().Read(uint32(stack[4]), uint32(stack[5]))
		if !ok1 || !ok2 || !ok3 {
			stack[0] = failed(abi.Fault)
			return
		}
		stack[0] = lookup(d, view(domain), view(folder), out)
	}
}

// lookup writes the record to out and returns the result of tenant_by_domain.
func lookup(d *tenantdb.Directory, domain, folder string, out []byte) uint64 {
	match, ok := d.ByDomain(domain, folder)
	if !ok {
		return failed(abi.NotFound)
	}
	return uint64(writeRecord(&match, true, out))
}

// failed encodes an errno as the result of a host function.
func failed(e abi.Errno) uint64 { return uint64(-int64(e)) }

// view returns b as a string that is valid as long as b is unchanged.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (h *httpWasm) Worker() (Worker, error) { return &httpWasmWorker{middleware: h.middleware}, nil }
func (h *httpWasm) Close() error            { return h.middleware.Close(context.Background()) }

// httpWasmWorker sends requests through the middleware, one at a time. It is
// also the context of the call, the cheapest way to pass it to the host.
type httpWasmWorker struct {
	context.Context
	middleware handler.Middleware
	request    *edge.Request
	host       [1]string
	answer     Answer
}

type workerKey struct{}

func (w *httpWasmWorker) Value(key any) any {
	if key == (workerKey{}) {
		return w
	}
	return w.Context.Value(key)
}

func (w *httpWasmWorker) Route(ctx context.Context, q *edge.Request) (Answer, error) {
	path, _, _ := strings.Cut(q.Target, "?")
	if strings.Contains(path, "%") { // the ABI passes it on encoded
		var err error
		if path, err = url.PathUnescape(path); err != nil {
			return Answer{}, err
		}
	}
	w.Context, w.request, w.host[0] = ctx, q, q.Host
	w.answer = Answer{Outcome: abi.Tenant, Path: path}
	out, next, err := w.middleware.HandleRequest(w)
	if err != nil {
		return Answer{}, err
	}
	if next == 0 {
		w.answer.Schema, w.answer.Path = "", ""
		return w.answer, nil
	}
	return w.answer, w.middleware.HandleResponse(out, uint32(next>>32), nil)
}

// httpWasmHost implements the host side of the ABI for httpWasmWorker.
type httpWasmHost struct{ httpwasm.UnimplementedHost }

func workerOf(ctx context.Context) *httpWasmWorker { return ctx.Value(workerKey{}).(*httpWasmWorker) }

func (httpWasmHost) GetMethod(ctx context.Context) string { return workerOf(ctx).request.Method }
func (httpWasmHost) GetURI(ctx context.Context) string    { return workerOf(ctx).request.Target }

func (httpWasmHost) GetRequestHeaderValues(ctx context.Context, name string) []string {
	if name == "Host" {
		return workerOf(ctx).host[:]
	}
	return nil
}

func (httpWasmHost) SetRequestHeaderValue(ctx context.Context, _, value string) {
	workerOf(ctx).answer.Schema = value
}

func (httpWasmHost) SetURI(ctx context.Context, uri string) { workerOf(ctx).answer.Path = uri }

func (httpWasmHost) SetStatusCode(ctx context.Context, status uint32) {
	w := workerOf(ctx)
	switch status {
	case http.StatusBadRequest:
		w.answer.Outcome = abi.BadRequest
	case http.StatusNotFound:
		w.answer.Outcome = abi.Missing
	case http.StatusMisdirectedRequest:
		w.answer.Outcome = abi.Conflict
	default:
		panic(fmt.Errorf("rivals: http-wasm: expected the status 400, 404 or 421, found %d", status))
	}
}
