package guests

import (
	"context"
	"errors"
	"sync"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Locate returns where a tenant's file is. The error is that of calling the guest; a
// name that is rejected is reported by Err of the result.
func (s *Set) Locate(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	g := s.current.Load()
	switch {
	case !g.program.Has(instance.Pathname):
		return tenancy.Locate(q, s.config.Strict), nil
	case !q.HasName && s.isInsideGuest(ctx):
		key := *q
		return s.pathnames.find(ctx, g, key, func(ctx context.Context) (tenancy.Pathname, error) { return s.pathname(ctx, &key) })
	default:
		return s.pathname(ctx, q)
	}
}

func (s *Set) pathname(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	var p tenancy.Pathname
	err := s.query(ctx, instance.Pathname, func(buf []byte) int {
		b := abi.Begin(buf, 0, abi.PathName+1)
		b.Put(abi.PathSchema, q.Schema)
		b.Put(abi.PathFolder, q.Folder)
		if q.HasSchemaPathname {
			b.Put(abi.PathSchemaPathname, q.SchemaPathname)
		}
		b.Put(abi.PathLocation, q.Location)
		b.Put(abi.PathBaseURL, q.BaseURL)
		if q.HasName {
			b.Put(abi.PathName, q.Name)
		}
		return Size(&b)
	}, func(m abi.Message) error {
		p = tenancy.Pathname{
			Identifier:   string(m.Get(abi.PathIdentifier)),
			BaseLocation: string(m.Get(abi.PathBaseLocation)),
			BaseURL:      string(m.Get(abi.PathTenantURL)),
		}
		var path, url []byte
		path, p.HasPath = m.Field(abi.PathPath)
		url, p.HasURL = m.Field(abi.PathURL)
		p.Path, p.URL = string(path), string(url)
		if reason, ok := m.Field(abi.PathError); ok {
			p.Err = errors.New(string(reason))
		}
		return nil
	})
	return p, err
}

// pathnames caches answers to queries of Locate. A guest that uses files occupies an
// instance; without the cache, all instances could wait for another one to answer.
type pathnames struct {
	mu      sync.Mutex
	guest   *Generation // that gave the answers
	answers map[tenancy.PathQuery]*pathnameAnswer
}

// pathnameAnswer is an answer; it is set once done is closed.
type pathnameAnswer struct {
	done chan struct{}
	tenancy.Pathname
	err error
}

// maxPathnames bounds the cache. When it is full, it is emptied.
const maxPathnames = 10_000

// find returns the answer to a query, from the cache or from call. The call
// continues after ctx ends, for other callers.
func (p *pathnames) find(ctx context.Context, g *Generation, q tenancy.PathQuery, call func(context.Context) (tenancy.Pathname, error)) (tenancy.Pathname, error) {
	p.mu.Lock()
	if p.guest != g || len(p.answers) >= maxPathnames {
		p.guest, p.answers = g, make(map[tenancy.PathQuery]*pathnameAnswer)
	}
	answers := p.answers
	a := answers[q]
	if a == nil {
		a = &pathnameAnswer{done: make(chan struct{})}
		answers[q] = a
		go func() {
			defer close(a.done)
			if a.Pathname, a.err = call(context.WithoutCancel(ctx)); a.err != nil {
				p.mu.Lock()
				delete(answers, q)
				p.mu.Unlock()
			}
		}()
	}
	p.mu.Unlock()
	select {
	case <-a.done:
		return a.Pathname, a.err
	case <-ctx.Done():
		return tenancy.Pathname{}, ctx.Err()
	}
}

type insideGuest struct{}

// insideGuest returns a context for work during a guest's call, in which Locate
// uses the cache.
func (s *Set) insideGuest(ctx context.Context) context.Context {
	return context.WithValue(ctx, insideGuest{}, s)
}

func (s *Set) isInsideGuest(ctx context.Context) bool {
	inside, _ := ctx.Value(insideGuest{}).(*Set)
	return inside == s
}
