package edge

import (
	"context"
	"sync"
)

// pathnames remembers where tenants' files are, as the guest said. A guest that
// uses files has an instance for itself, and is not to wait for a second one
// each time: under load all instances might wait so.
type pathnames struct {
	mu    sync.Mutex
	guest *generation // who said so
	known map[pathnameKey]*pathnameAnswer
}

type pathnameKey struct {
	schema, folder, own string
	hasOwn              bool
	location, baseURL   string
}

// pathnameAnswer is one that is there, or is being asked for.
type pathnameAnswer struct {
	done chan struct{}
	Pathname
	err error
}

// mostPlaces bounds what is remembered. There is no telling which tenants come
// again, so all are forgotten together.
const mostPlaces = 10_000

// find returns the answer to q, which ask gives if it is not known. Asking goes
// on when ctx ends, so that the next one who wants to know need not wait.
func (p *pathnames) find(ctx context.Context, g *generation, key pathnameKey, ask func(context.Context) (Pathname, error)) (Pathname, error) {
	p.mu.Lock()
	if p.guest != g || len(p.known) >= mostPlaces {
		p.guest, p.known = g, make(map[pathnameKey]*pathnameAnswer)
	}
	known := p.known
	a := known[key]
	if a == nil {
		a = &pathnameAnswer{done: make(chan struct{})}
		known[key] = a
		go func() {
			defer close(a.done)
			if a.Pathname, a.err = ask(context.WithoutCancel(ctx)); a.err != nil {
				p.mu.Lock()
				delete(known, key)
				p.mu.Unlock()
			}
		}()
	}
	p.mu.Unlock()
	select {
	case <-a.done:
		return a.Pathname, a.err
	case <-ctx.Done():
		return Pathname{}, ctx.Err()
	}
}

// withoutGuest is ctx for work in the middle of a guest's call, for which
// h.Pathname remembers what it was told.
func withoutGuest(ctx context.Context, h *Host) context.Context {
	return context.WithValue(ctx, insideGuest{}, h)
}

type insideGuest struct{}

func (h *Host) isInsideGuest(ctx context.Context) bool {
	inside, _ := ctx.Value(insideGuest{}).(*Host)
	return inside == h
}
