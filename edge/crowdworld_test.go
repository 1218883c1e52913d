package edge

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// crowdWorld is a Host with a handler and a guest whose websockets are in groups,
// and with a relay, over plain TCP and over TLS.
type crowdWorld struct {
	upstream  *echoServer // the relay's upstream
	host      *Host
	addresses [2]string // plain and TLS
	tenants   int
	close     func()
}

// crowdInstances is the maximum number of instances of the guest.
const crowdInstances = 4

func newCrowdWorld(t *testing.T, noPoll bool, c crowd) *crowdWorld {
	t.Helper()
	w := &crowdWorld{upstream: newEchoServer(t), tenants: max(4, c.atOnce/25)}
	h, err := New(t.Context(), w.config(t, noPoll, c.stay))
	if err != nil {
		t.Fatal(err)
	}
	w.host = h
	var servers []*httptest.Server
	for i := range w.addresses {
		server := unstarted(h.Middleware(http.NotFoundHandler()))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // without the log of clients that disconnect in a TLS handshake
		if i == 0 {
			server.Start()
		} else {
			server.StartTLS()
		}
		servers = append(servers, server)
		w.addresses[i] = server.Listener.Addr().String()
	}
	w.close = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		for _, s := range servers {
			s.Close()
		}
		w.upstream.close(ctx)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	return w
}

func (w *crowdWorld) config(t *testing.T, noPoll bool, stay time.Duration) Config {
	t.Helper()
	c := Config{
		GuestConfig: abi.Config{Default: &abi.DefaultTenant{URLConf: "app.urls", WSURLConf: "ws"}},
		Directory:   tenantdb.NewDirectory(tenantdb.Options{Normalize: tenancy.NormalizeHost}),
		Logger:      slog.New(slog.DiscardHandler), CompileCache: compileCache, Guest: wasmtest.Guest(t, "edge/testdata/consumer"),
		Limits: GuestLimits{Instances: crowdInstances, Deadline: time.Minute, QueueTimeout: 5 * time.Second},
	}
	for i := range w.tenants {
		name, id := fmt.Sprint("crowd", i), fmt.Sprint(10+i)
		report := c.Directory.Apply([]tenantdb.Change{{
			Tenant:  tenantdb.Tenant{ID: id, Schema: name},
			Domains: []tenantdb.Domain{{TenantID: id, Domain: name + ".test", IsPrimary: true}},
		}})
		if len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
	}
	table, targets := routes(func(name string) websocket.Target {
		return map[string]websocket.Target{"handler": {Handler: "grouped"}, "script": {Consumer: true}, "relay": {Upstream: w.upstream.url}}[name]
	}, "handler/ handler", "script/<path:script> script", "rejected/<int:reject>/ script", "relay/ relay")
	c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": table}
	c.Websockets = websocket.Config{
		Targets: map[string]map[string]websocket.Target{"ws": targets}, WithoutOrigin: true, NoPoll: noPoll,
		Compression: "with-context",
		Handlers: map[string]websocket.Handler{"grouped": stubHandler{
			open: func(s *websocket.Conn) { _ = s.Groups().Add(context.Background(), "all") },
			message: func(s *websocket.Conn, text string) {
				if strings.HasPrefix(text, "to all") {
					_ = s.Groups().SendText(context.Background(), "all", text)
				}
				_ = s.Send(websocket.Text, []byte(text))
			},
		}},
		Limits: websocket.Limits{Queue: 64 << 10, CloseTimeout: min(stay, 2*time.Second)},
	}
	return c
}
