package storage

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Identifiers keeps tenants apart whose files would have one folder, while
// tenants come and change: the one that had the identifier first keeps it, and
// the other has no files until its identifier is changed. It is safe for
// concurrent use.
//
// It remembers some 60 bytes a tenant, and asks the guest about new tenants
// alone.
type Identifiers struct {
	space *Namespace
	seed  maphash.Seed

	mu      sync.RWMutex
	tenants map[uint64]claimed // by schema and pathname
	owners  map[uint64]uint64  // schema by identifier, both hashed
}

// claimed is what a tenant has asked for.
type claimed struct {
	identifier uint64 // folded and hashed
	exact      uint64 // hashed as it is
	refused    error
}

// NewIdentifiers returns one that knows no tenant yet.
func (s *Namespace) NewIdentifiers() *Identifiers {
	return &Identifiers{space: s, seed: maphash.MakeSeed()}
}

// Update looks at all tenants, and forgets those that are no more. The
// problems name the tenants that are refused now and were not before; the
// error means that the guest could not be asked, and that nothing has changed.
func (i *Identifiers) Update(ctx context.Context, tenants iter.Seq[Tenant]) (problems []error, err error) {
	i.mu.RLock()
	known, before := i.tenants, i.owners // never changed, but replaced
	i.mu.RUnlock()
	next := make(map[uint64]claimed, len(known))
	owners := make(map[uint64]uint64, len(known))
	var fresh []Tenant
	for t := range tenants {
		key := i.key(&t)
		c, ok := known[key]
		if ok && c.refused == nil && before[c.identifier] == i.schema(&t) {
			next[key], owners[c.identifier] = c, i.schema(&t)
			continue
		}
		fresh = append(fresh, t)
	}
	for _, t := range fresh {
		key := i.key(&t)
		c, err := i.claim(ctx, &t, owners)
		if err != nil {
			return nil, err
		}
		if c.refused != nil && known[key].refused == nil {
			problems = append(problems, c.refused)
		}
		next[key] = c
	}
	i.mu.Lock()
	i.tenants, i.owners = next, owners
	i.mu.Unlock()
	return problems, nil
}

// claim asks for the identifier of a tenant, and gives it to the tenant if
// nobody has it.
func (i *Identifiers) claim(ctx context.Context, t *Tenant, owners map[uint64]uint64) (claimed, error) {
	p, err := i.space.identify(ctx, *t)
	if errors.Is(err, ErrIdentifier) {
		return claimed{refused: err}, nil
	}
	if err != nil {
		return claimed{}, err
	}
	c := claimed{identifier: maphash.String(i.seed, folded(p.Identifier)), exact: maphash.String(i.seed, p.Identifier)}
	owner, taken := owners[c.identifier]
	if taken && owner != i.schema(t) {
		c.refused = fmt.Errorf("storage: tenant %q: %w %q is that of another tenant too, for file systems that ignore case: "+
			"set schema_pathname of one of them", t.Schema, ErrIdentifier, p.Identifier)
		return c, nil
	}
	owners[c.identifier] = i.schema(t)
	return c, nil
}

// Check reports whether a tenant may have the files below an identifier: nil, or
// an error that has ErrIdentifier in its chain. known is false for a tenant that
// the last Update did not see, or saw with another identifier, which another
// guest may have given it since then.
func (i *Identifiers) Check(t Tenant, identifier string) (err error, known bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	c, known := i.tenants[i.key(&t)]
	switch {
	case !known:
		return ErrNoTenant, false
	case c.refused == nil && c.exact != maphash.String(i.seed, identifier):
		return fmt.Errorf("storage: tenant %q: %w %q: it is not known yet whether another tenant has it", t.Schema, ErrIdentifier, identifier), false
	}
	return c.refused, true
}

// key stands for a tenant with the identifier of its own that it has now.
func (i *Identifiers) key(t *Tenant) uint64 {
	var h maphash.Hash
	h.SetSeed(i.seed)
	_, _ = h.WriteString(t.Schema) // never fails, nor do those below
	if t.HasPathname {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(t.Pathname)
	}
	return h.Sum64()
}

func (i *Identifiers) schema(t *Tenant) uint64 { return maphash.String(i.seed, t.Schema) }

// folded is what identifiers have in common that are one name to a file system
// which ignores case and the composition of letters.
func folded(identifier string) string {
	return norm.NFD.String(cases.Fold().String(norm.NFD.String(identifier)))
}
