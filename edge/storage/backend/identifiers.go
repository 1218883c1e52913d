package backend

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Identifiers detects tenants whose files would share a folder, while tenants
// are added and changed. The tenant that had the identifier first keeps it, and
// of two new tenants the one whose schema it is, or whose schema sorts first. The
// other has no files until its identifier changes. It is safe for concurrent
// use.
//
// It takes about 60 bytes a tenant, and asks the guest only about new tenants.
type Identifiers struct {
	of   Identifier
	seed maphash.Seed

	mu      sync.RWMutex
	tenants map[uint64]claimed // by schema and pathname
	owners  map[uint64]uint64  // schema by identifier, both hashed
}

// Identifier identifies the files of tenants, as a [storage.Storage] does.
type Identifier interface {
	Identify(ctx context.Context, t storage.Tenant) (string, error)
}

// claimed is the identifier that a tenant was given, or why it has none.
type claimed struct {
	identifier uint64 // folded and hashed
	exact      uint64 // hashed
	rejected   error
}

// NewIdentifiers returns Identifiers that have seen no tenant.
func NewIdentifiers(of Identifier) *Identifiers {
	return &Identifiers{of: of, seed: maphash.MakeSeed()}
}

// Update examines all tenants and forgets those that no longer exist. Each problem
// names a tenant that may have no files now, and that the previous Update did not
// report. After an error, which means that the guest could not be asked, nothing has
// changed.
func (i *Identifiers) Update(ctx context.Context, tenants iter.Seq[storage.Tenant]) (problems []error, err error) {
	i.mu.RLock()
	known, before := i.tenants, i.owners // never changed, but replaced
	i.mu.RUnlock()
	next := make(map[uint64]claimed, len(known))
	owners := make(map[uint64]uint64, len(known))
	var fresh []storage.Tenant
	for t := range tenants {
		key := i.key(&t)
		c, ok := known[key]
		if ok && c.rejected == nil && before[c.identifier] == i.schema(&t) {
			next[key], owners[c.identifier] = c, i.schema(&t)
			continue
		}
		fresh = append(fresh, t)
	}
	// Sorted, so that of two tenants with one identifier the same one has the files
	// after every start: the one whose schema it is.
	slices.SortFunc(fresh, func(a, b storage.Tenant) int {
		if a.HasPathname != b.HasPathname {
			if b.HasPathname {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Schema, b.Schema)
	})
	for _, t := range fresh {
		key := i.key(&t)
		c, err := i.claim(ctx, &t, owners)
		if err != nil {
			return nil, err
		}
		if c.rejected != nil && known[key].rejected == nil {
			problems = append(problems, c.rejected)
		}
		next[key] = c
	}
	i.mu.Lock()
	i.tenants, i.owners = next, owners
	i.mu.Unlock()
	return problems, nil
}

// claim asks for the identifier of a tenant, and gives it to the tenant unless
// another has it.
func (i *Identifiers) claim(ctx context.Context, t *storage.Tenant, owners map[uint64]uint64) (claimed, error) {
	identifier, err := i.of.Identify(ctx, *t)
	if errors.Is(err, storage.ErrIdentifier) {
		return claimed{rejected: err}, nil
	}
	if err != nil {
		return claimed{}, err
	}
	c := claimed{identifier: maphash.String(i.seed, folded(identifier)), exact: maphash.String(i.seed, identifier)}
	owner, taken := owners[c.identifier]
	if taken && owner != i.schema(t) {
		c.rejected = fmt.Errorf("storage: tenant %q: %w %q equals that of another tenant when case is ignored: "+
			"set schema_pathname of one of the two", t.Schema, storage.ErrIdentifier, identifier)
		return c, nil
	}
	owners[c.identifier] = i.schema(t)
	return c, nil
}

// Check returns nil if a tenant may have the files below an identifier, and
// otherwise an error with ErrIdentifier in its chain. known is false if the last
// Update did not see the tenant, or saw it with another identifier: another
// guest may have replaced it since.
func (i *Identifiers) Check(t storage.Tenant, identifier string) (err error, known bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	c, known := i.tenants[i.key(&t)]
	switch {
	case !known:
		return storage.ErrNoTenant, false
	case c.rejected == nil && c.exact != maphash.String(i.seed, identifier):
		return fmt.Errorf("storage: tenant %q: %w %q: not yet compared with other tenants", t.Schema, storage.ErrIdentifier, identifier), false
	}
	return c.rejected, true
}

// key hashes what a tenant's identifier depends on.
func (i *Identifiers) key(t *storage.Tenant) uint64 {
	var h maphash.Hash
	h.SetSeed(i.seed)
	_, _ = h.WriteString(t.Schema) // never fails, nor do those below
	if t.HasPathname {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(t.Pathname)
	}
	return h.Sum64()
}

func (i *Identifiers) schema(t *storage.Tenant) uint64 { return maphash.String(i.seed, t.Schema) }

// folded returns the same for identifiers that are one name to a file system
// which ignores case and the composition of letters.
func folded(identifier string) string {
	return norm.NFD.String(cases.Fold().String(norm.NFD.String(identifier)))
}
