package examples

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
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
	host, err := edge.New(t.Context(), edge.Config{GuestConfig: abi.Config{Default: &abi.DefaultTenant{}}, Directory: directory})
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

// greet responds as the handlers for net/http do.
func greet(ctx *fasthttp.RequestCtx) {
	t, _ := tenant.From(ctx)
	fmt.Fprintf(ctx, "%s greets %s", t.Schema, strings.TrimPrefix(t.Path, "/hello/"))
}

// fastHTTP serves a handler and returns a function that dials it.
func fastHTTP(t *testing.T, handler fasthttp.RequestHandler) func() (net.Conn, error) {
	t.Helper()
	listener := fasthttputil.NewInmemoryListener()
	server := fasthttp.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Dial
}

func TestFastHTTP(t *testing.T) {
	dial := fastHTTP(t, FastHTTP(newHost(t), greet))
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() }}
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

// A client cannot set what only trusted peers may set, neither in the head nor in
// the trailer, and gets the statuses of Middleware.
func TestFastHTTPFollowsTheRulesOfNetHTTP(t *testing.T) {
	var seen http.Header
	dial := fastHTTP(t, FastHTTP(newHost(t), func(ctx *fasthttp.RequestCtx) {
		seen = http.Header{"Host": {string(ctx.Host())}, "X-Client-Ip": {string(ctx.Request.Header.Peek("X-Client-Ip"))}, "Body": {string(ctx.PostBody())}}
		for name, value := range ctx.Request.Header.All() {
			seen.Add("Seen", string(name)+"="+string(value))
		}
	}))
	const body = "Transfer-Encoding: chunked\r\nTrailer: X-Client-Ip\r\n\r\n3\r\nabc\r\n0\r\nX-Client-Ip: 10.0.0.1\r\n\r\n"
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"guarded headers", "POST /a HTTP/1.1\r\nHost: ACME.example.com.\r\nTenant: umbra\r\nX_Forwarded_For: a\r\nAccept: b\r\n" + body, 200},
		{"two hosts", "GET /a HTTP/1.1\r\nHost: acme.example.com\r\nHost: umbra.example.com\r\n\r\n", 400},
		{"no host", "GET /a HTTP/1.0\r\n\r\n", 400},
		{"an absolute target", "GET http://acme.example.com/a HTTP/1.1\r\nHost: acme.example.com\r\n\r\n", 400},
		{"a websocket", "GET /a HTTP/1.1\r\nHost: acme.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 501},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen = nil
			conn, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != c.status || (seen != nil) != (c.status == 200) || response.Close != (c.status == 400) {
				t.Errorf("expected %d, found %d, closing: %v; the handler got %v", c.status, response.StatusCode, response.Close, seen)
			}
			all := strings.Join(seen["Seen"], " ")
			if seen != nil && (seen.Get("X-Client-Ip") != "" || seen.Get("Body") != "abc" || !strings.Contains(all, "Accept=b") || strings.Contains(all, "umbra") || strings.Contains(all, "Forwarded")) {
				t.Errorf("the handler got %v", seen)
			}
		})
	}
}

// health sends the tenant's schema and the metadata that it got in headers.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	t, _ := tenant.From(ctx)
	md, _ := metadata.FromIncomingContext(ctx)
	got := metadata.Pairs("schema", t.Schema)
	for _, name := range []string{"tenant", "x-forwarded-for", "x-a", "x-b-bin"} {
		got.Set("got-"+name, md.Get(name)...)
	}
	return &grpc_health_v1.HealthCheckResponse{}, grpc.SetHeader(ctx, got)
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
		ctx := metadata.AppendToOutgoingContext(t.Context(), "tenant", "umbra", "x-forwarded-for", "10.0.0.1", "x-a", "b", "x-b-bin", "\x00\n")
		_, err = grpc_health_v1.NewHealthClient(client).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header))
		if got := strings.Join(header.Get("schema"), ","); got != want || (want == "") != (status.Code(err) == codes.NotFound) {
			t.Errorf("%s: expected %q, found %q, %v", host, want, got, err)
		}
		if err == nil && (len(header["got-tenant"]) > 0 || len(header["got-x-forwarded-for"]) > 0 || !slices.Equal(header["got-x-a"], []string{"b"}) || !slices.Equal(header["got-x-b-bin"], []string{"\x00\n"})) {
			t.Errorf("%s: the handler got %v", host, header)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}
