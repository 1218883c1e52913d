package server

import (
	"context"
	"net/http"
	"sync"
)

// upgrades keeps count of the connections that net/http lost sight of when
// they were upgraded: http.Server.Shutdown does not wait for them.
type upgrades struct {
	base   context.Context
	cancel context.CancelFunc
	open   sync.WaitGroup
}

func (u *upgrades) init(base context.Context) { u.base, u.cancel = context.WithCancel(base) }

// track returns a request whose context ends with the server, and what to call
// when the request is done. Requests that ask for no upgrade come back as they
// are: net/http keeps count of those.
func (u *upgrades) track(r *http.Request) (*http.Request, func()) {
	if len(r.Header["Upgrade"]) == 0 {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(u.base, cancel)
	u.open.Add(1)
	return r.WithContext(ctx), func() {
		stop()
		cancel()
		u.open.Done()
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
