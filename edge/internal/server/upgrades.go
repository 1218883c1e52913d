package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge"
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
	tenant *edge.Tenant // nil: of nobody
	cancel context.CancelFunc
}

func (u *upgrades) init(base context.Context) {
	u.base, u.cancel = context.WithCancel(base)
	u.live = map[*upgrade]struct{}{}
}

// track returns a request whose context ends with the server, and what to call
// when the request is done. Requests that ask for no upgrade come back as they
// are: net/http keeps count of those.
func (u *upgrades) track(r *http.Request) (*http.Request, func()) {
	if len(r.Header["Upgrade"]) == 0 {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(u.base, cancel)
	one := &upgrade{cancel: cancel}
	one.tenant, _ = edge.TenantFrom(r.Context())
	u.mu.Lock()
	u.live[one] = struct{}{}
	u.mu.Unlock()
	u.open.Add(1)
	return r.WithContext(ctx), func() {
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
func (u *upgrades) follow(tick <-chan time.Time, generation func() uint64, knows func(*edge.Tenant) bool) {
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
				one.cancel()
			}
		}
		u.mu.Unlock()
	}
}

// end closes the connections and waits until their handlers have returned. No
// request may come in any more.
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
