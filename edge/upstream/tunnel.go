package upstream

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// tunnels tracks the websockets of a Handler, since http.Server.Shutdown does not
// wait for hijacked connections.
type tunnels struct {
	closing context.Context // once it ends, websockets close and none is accepted
	cancel  context.CancelFunc
	open    sync.WaitGroup

	mu   sync.Mutex
	live map[*tunnel]struct{}
}

// tunnel is a websocket between a client and the application, or a handshake that
// may become one.
type tunnel struct {
	tenant *tenant.Tenant  // nil: none
	meter  stats.Meter     // counts nothing unless Config.Meter is set
	done   <-chan struct{} // closed when the handler returns
	cancel context.CancelFunc
	ending sync.Once

	mu     sync.Mutex
	ended  bool
	frames *sockets.Tunnel // nil: still a handshake, and the meter counts nothing
}

type tunnelKey struct{}

// tunnelOf returns the tunnel of a request, or nil for a request without Upgrade.
func tunnelOf(ctx context.Context) *tunnel {
	t, _ := ctx.Value(tunnelKey{}).(*tunnel)
	return t
}

// accepted wraps app, the connection to an application that has accepted the
// handshake, so that the tunnel can follow its frames.
func (t *tunnel) accepted(app io.ReadWriteCloser) io.ReadWriteCloser {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return app
	}
	t.meter.Opened()
	t.frames = sockets.NewTunnel(app, t.meter.Received, t.meter.Sent)
	return t.frames.App()
}

// hijacked wraps the client's connection if accepted has wrapped the application's.
func (t *tunnel) hijacked(client net.Conn) net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frames == nil {
		return client
	}
	return t.frames.Client(client, func() { closeNow(client) })
}

// closeNow closes a connection without TLS's close_notify, which may have to wait
// for the client.
func closeNow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// closeTime is how long the peers of a websocket have to end their frames and to
// answer the close frame. Rule W4 of .github/SECURITY.md allows 5 s for those of
// removed tenants.
const closeTime = 2 * time.Second

// end closes the websocket between two frames, with a code for the client, or
// cancels the handshake.
func (t *tunnel) end(code sockets.Code) {
	t.ending.Do(func() {
		t.mu.Lock()
		t.ended = true
		frames := t.frames
		t.mu.Unlock()
		if frames != nil {
			frames.End(code, t.done, closeTime)
		}
		t.cancel()
	})
}

func (ts *tunnels) init() {
	ts.closing, ts.cancel = context.WithCancel(context.Background())
	ts.live = map[*tunnel]struct{}{}
}

// track returns r with a tunnel in its context, and a function to call when r has
// been served. It returns r itself if r has no Upgrade.
func (ts *tunnels) track(r *http.Request, meter func(*tenant.Tenant) stats.Meter) (*http.Request, func()) {
	if len(r.Header["Upgrade"]) == 0 {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	t := &tunnel{cancel: cancel, done: ctx.Done()}
	stop := context.AfterFunc(ts.closing, func() { t.end(sockets.CodeGoingAway) })
	t.tenant, _ = tenant.From(r.Context())
	if t.meter = noMeter; meter != nil {
		t.meter = meter(t.tenant)
	}
	ts.mu.Lock()
	ts.live[t] = struct{}{}
	ts.mu.Unlock()
	ts.open.Add(1)
	return r.WithContext(context.WithValue(ctx, tunnelKey{}, t)), func() {
		stop()
		cancel()
		ts.mu.Lock()
		delete(ts.live, t)
		ts.mu.Unlock()
		t.unmeter()
		ts.open.Done()
	}
}

// unmeter ends the counting of a tunnel whose handler returns.
func (t *tunnel) unmeter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended = true; t.frames != nil {
		t.meter.Closed()
	}
	t.meter.Release()
}

// noMeter counts nothing.
var noMeter stats.Meter = unmetered{}

type unmetered struct{}

func (unmetered) Opened()      {}
func (unmetered) Closed()      {}
func (unmetered) Received(int) {}
func (unmetered) Sent(int)     {}
func (unmetered) Release()     {}

func (ts *tunnels) count() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.live)
}

// closeWith closes the websockets of tenants for which is returns true.
func (ts *tunnels) closeWith(code sockets.Code, is func(*tenant.Tenant) bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for t := range ts.live {
		if t.tenant != nil && is(t.tenant) {
			go t.end(code)
		}
	}
}

// shutdown closes the websockets, with 1001, and waits until their handlers have
// returned. No further requests may arrive.
func (ts *tunnels) shutdown(ctx context.Context) error {
	ts.cancel()
	closed := make(chan struct{})
	go func() {
		ts.open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
