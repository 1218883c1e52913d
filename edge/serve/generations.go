package serve

import (
	"slices"
	"sync"
	"sync/atomic"
)

// generations are those of a Server that are not closed, the oldest first.
type generations struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*generation]
}

// all returns the generations, the oldest first.
func (l *generations) all() []*generation {
	if list := l.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (l *generations) add(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := append(slices.Clone(l.all()), g)
	l.list.Store(&list)
}

func (l *generations) remove(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(l.all()), func(other *generation) bool { return other == g })
	l.list.Store(&list)
}

// websocketsBut returns a function that counts the websockets of a tenant in all
// generations but own, and the descriptors that they take.
func (l *generations) websocketsBut(own *generation) func(tenant string) (open, descriptors int) {
	return func(tenant string) (open, descriptors int) {
		for _, g := range l.all() {
			if g != own {
				n, d := g.host.TenantWebsockets(tenant)
				open, descriptors = open+n, descriptors+d
			}
		}
		return open, descriptors
	}
}

// requests returns the number of requests in progress.
func (l *generations) requests() (n int64) {
	for _, g := range l.all() {
		n += g.requests()
	}
	return n
}
