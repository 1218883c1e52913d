package examples

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// newHost returns a host with the default guest and two tenants: acme by domain,
// and umbra by domain and in a folder.
func newHost(t *testing.T) *edge.Host {
	t.Helper()
	directory := tenantdb.NewDirectory(tenantdb.Options{})
	report := directory.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "umbra"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "2", Domain: "umbra.example.com", IsPrimary: true},
			{TenantID: "2", Domain: "shop.example.com", Folder: "umbra"},
		},
	})
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	host, err := edge.New(t.Context(), edge.Config{Default: &abi.DefaultTenant{}, Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host
}

// calls are requests and what a handler writes; empty: 404.
var calls = []struct{ host, path, want string }{
	{"acme.example.com", "/hello/ann", "acme greets ann"},
	{"shop.example.com", "/umbra/hello/ann", "umbra greets ann"},
	{"unknown.example.com", "/hello/ann", ""},
}

func TestNetHTTPRouters(t *testing.T) {
	gin.SetMode(gin.TestMode)
	host := newHost(t)
	for name, handler := range map[string]http.Handler{"chi": Chi(host), "echo": Echo(host), "gin": Gin(host)} {
		t.Run(name, func(t *testing.T) {
			for _, c := range calls {
				r := httptest.NewRequest(http.MethodGet, c.path, nil)
				r.Host = c.host
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				check(t, c.host+c.path, c.want, w.Code, w.Body.String())
			}
		})
	}
}

func check(t *testing.T, url, want string, status int, body string) {
	t.Helper()
	if want == "" && status != http.StatusNotFound || want != "" && (status != http.StatusOK || body != want) {
		t.Errorf("%s: expected %q, found %d and %q", url, want, status, body)
	}
}

func TestFastHTTP(t *testing.T) {
	listener := fasthttputil.NewInmemoryListener()
	server := fasthttp.Server{Handler: FastHTTP(newHost(t))}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return listener.Dial() }}
	for _, c := range calls {
		response, err := (&http.Client{Transport: transport}).Get("http://" + c.host + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		check(t, c.host+c.path, c.want, response.StatusCode, string(body))
	}
}

// health sends the tenant's schema in a header.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	t, _ := tenant.From(ctx)
	return &grpc_health_v1.HealthCheckResponse{}, grpc.SetHeader(ctx, metadata.Pairs("schema", t.Schema))
}

func TestGRPC(t *testing.T) {
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.UnaryInterceptor(GRPC(newHost(t))))
	grpc_health_v1.RegisterHealthServer(server, health{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	// A tenant in a folder of a domain cannot be found: the method is the path.
	for host, want := range map[string]string{"acme.example.com": "acme", "umbra.example.com": "umbra", "shop.example.com": "", "unknown.example.com": ""} {
		client, err := grpc.NewClient("passthrough:///edge", grpc.WithAuthority(host), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		var header metadata.MD
		_, err = grpc_health_v1.NewHealthClient(client).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header))
		if got := strings.Join(header.Get("schema"), ","); got != want || (want == "") != (status.Code(err) == codes.NotFound) {
			t.Errorf("%s: expected %q, found %q, %v", host, want, got, err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}
