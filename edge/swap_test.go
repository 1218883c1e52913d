package edge

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
)

// renamed returns the default guest with another digest, by a custom section.
func renamed(n byte) []byte {
	return append(bytes.Clone(assets.Router), 0, 3, 1, 'n', n)
}

func TestG2ARefusedGuestChangesNothing(t *testing.T) {
	h := newHost(t, nil)
	before := h.Stats().Guest
	for _, wasm := range [][]byte{nil, []byte("hello"), assets.Router[:1000], make([]byte, 100<<20)} {
		if _, err := h.Swap(context.Background(), wasm); err == nil {
			t.Errorf("an invalid guest of %d bytes was swapped in", len(wasm))
		}
	}
	if h.Stats().Guest != before {
		t.Errorf("the guest is %+v, want %+v", h.Stats().Guest, before)
	}
	if d, err := h.Route(context.Background(), &Request{Method: "GET", Host: "example.com", Target: "/"}); err != nil || d.Tenant.Schema != "www" {
		t.Errorf("the guest answered %+v, %v", d, err)
	}
}

func TestASwapUnderLoadFailsNoRequest(t *testing.T) {
	h := newHost(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	clients, swaps := 3, byte(4)
	if raced {
		clients, swaps = 1, 2 // compiling a guest takes minutes under the load of three clients
	}
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				if d, err := h.Route(context.Background(), &Request{Method: "GET", Host: "example.com", Target: "/"}); err != nil || d.Tenant.Schema != "www" {
					t.Errorf("during a swap: %+v, %v", d.Tenant, err)
					return
				}
			}
		})
	}
	same, err := h.Swap(ctx, assets.Router)
	if err != nil || !same.Unchanged {
		t.Errorf("the same guest: %+v, %v", same, err)
	}
	for n := range swaps {
		r, err := h.Swap(ctx, renamed(n%3))
		if err != nil || r.Unchanged || r.Previous.Digest == r.Guest.Digest {
			t.Errorf("swap %d: %+v, %v", n, r, err)
		}
	}
	want := h.Stats().Previous
	if r, err := h.Rollback(ctx); err != nil || r.Guest != want || h.Stats().Guest != want {
		t.Errorf("rollback: %+v, %v, want %+v", r, err, want)
	}
	cancel()
	wg.Wait()
}
