package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// upgrades keeps count of the connections that net/http lost sight of when
// they were upgraded: http.Server.Shutdown does not wait for them.
type upgrades struct {
	base   context.Context
	cancel context.CancelFunc
	open   sync.WaitGroup

	mu   sync.Mutex
	live map[*upgrade]struct{}
}

// upgrade is such a connection, or a request that may become one.
type upgrade struct {
	tenant *tenant.Tenant // nil: of nobody
	over   <-chan struct{}
	cancel context.CancelFunc
	ending sync.Once

	mu     sync.Mutex
	ended  bool
	tunnel *sockets.Tunnel // nil: it is a request still
}

type upgradeKey struct{}

// upgradeOf returns what track made of a request; nil: it asks for no upgrade.
func upgradeOf(ctx context.Context) *upgrade {
	one, _ := ctx.Value(upgradeKey{}).(*upgrade)
	return one
}

// opens is called when the application has accepted a websocket, and returns
// what to use in place of the connection to it.
func (one *upgrade) opens(app io.ReadWriteCloser) io.ReadWriteCloser {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.ended {
		return app
	}
	one.tunnel = sockets.NewTunnel(app)
	return one.tunnel.App()
}

// hijacked returns what to use in place of the client's connection.
func (one *upgrade) hijacked(client net.Conn) net.Conn {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.tunnel == nil {
		return client
	}
	return one.tunnel.Client(client, func() { closeNow(client) })
}

// end closes the websocket in time, with a code for the client, or cancels the
// request.
func (one *upgrade) end(code sockets.Code) {
	one.ending.Do(func() {
		one.mu.Lock()
		one.ended = true
		t := one.tunnel
		one.mu.Unlock()
		if t != nil {
			t.End(code, one.over, farewellTime)
		}
		one.cancel()
	})
}

// farewellTime is how long the peers of a websocket have to end their frames and
// to close. A removed tenant's have 5 s in all (W4).
const farewellTime = 2 * time.Second

func (u *upgrades) init(base context.Context) {
	u.base, u.cancel = context.WithCancel(base)
	u.live = map[*upgrade]struct{}{}
}

// track returns a request that ends with the server, and what to call when the
// request is done. Requests that ask for no upgrade come back as they
// are: net/http keeps count of those.
func (u *upgrades) track(r *http.Request) (*http.Request, func()) {
	if len(r.Header["Upgrade"]) == 0 {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	one := &upgrade{cancel: cancel, over: ctx.Done()}
	stop := context.AfterFunc(u.base, func() { one.end(sockets.CodeGoingAway) })
	one.tenant, _ = tenant.From(r.Context())
	u.mu.Lock()
	u.live[one] = struct{}{}
	u.mu.Unlock()
	u.open.Add(1)
	return r.WithContext(context.WithValue(ctx, upgradeKey{}, one)), func() {
		stop()
		cancel()
		u.mu.Lock()
		delete(u.live, one)
		u.mu.Unlock()
		u.open.Done()
	}
}

// count returns how many there are.
func (u *upgrades) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.live)
}

// follow closes the connections of tenants that are removed, looking at each
// tick whether the directory has changed (W4; websockets that the Host serves
// are its own to look after).
func (u *upgrades) follow(tick <-chan time.Time, generation func() uint64, knows func(*tenant.Tenant) bool) {
	seen, again := generation(), false
	for {
		select {
		case <-u.base.Done():
			return
		case <-tick:
		}
		now := generation()
		if now == seen && !again {
			continue
		}
		again = now != seen // once more for those that were being routed meanwhile
		seen = now
		u.mu.Lock()
		for one := range u.live {
			if one.tenant != nil && !knows(one.tenant) {
				go one.end(sockets.CodePolicy)
			}
		}
		u.mu.Unlock()
	}
}

// end closes the connections, with 1001, and waits until their handlers have
// returned. No request may come in any more.
func (u *upgrades) end(ctx context.Context) error {
	u.cancel()
	none := make(chan struct{})
	go func() {
		u.open.Wait()
		close(none)
	}()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
