package storage

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Namespace is what backends have in common, whatever they keep files in:
// which files are whose, and how much a tenant may keep. It is for those who
// write one. It is safe for concurrent use.
type Namespace struct {
	location, baseURL string
	locator           Locator
	longest, maxDepth int
	quota             func(Tenant) Quota
	count             func(context.Context, string) (Usage, error)
	tooDeep           atomic.Uint64

	accounting sync.Mutex
	accounts   map[string]*account
}

// NamespaceConfig is what backends differ in.
type NamespaceConfig struct {
	// Location is above all tenants' files: an absolute and clean path.
	Location string
	// BaseURL, Locator and Quota are those of [Config].
	BaseURL string
	Locator Locator
	Quota   func(Tenant) Quota
	// LongestPath is how many bytes Location, identifier and name may have.
	LongestPath int
	// MaxDepth is how many folders a new file may be below; 0: no limit.
	MaxDepth int
	// Count counts what the tenant with an identifier keeps. All that takes a place
	// of its own counts as a file.
	Count func(ctx context.Context, identifier string) (Usage, error)
}

// NewNamespace does not check c: backends do. The ledger is for the backend
// alone.
func NewNamespace(c NamespaceConfig) (*Namespace, *Ledger) {
	if c.Locator == nil {
		c.Locator = native{}
	}
	s := &Namespace{
		location: c.Location, baseURL: c.BaseURL, locator: c.Locator, longest: c.LongestPath, maxDepth: c.MaxDepth,
		quota: c.Quota, count: c.Count, accounts: make(map[string]*account),
	}
	return s, &Ledger{s}
}

// TooDeep returns how many names were refused with ErrDepth.
func (s *Namespace) TooDeep() uint64 { return s.tooDeep.Load() }

// Names returns those of a tenant's files.
func (s *Namespace) Names(ctx context.Context, t Tenant) (Names, error) {
	p, err := s.identify(ctx, t)
	if err != nil {
		return Names{}, err
	}
	return Names{space: s, tenant: t, identifier: p.Identifier, location: path.Join(s.location, p.Identifier), baseURL: p.BaseURL}, nil
}

// identify asks where the tenant's files are and believes it only if that is
// one folder below Location.
func (s *Namespace) identify(ctx context.Context, t Tenant) (tenancy.Pathname, error) {
	if t.Schema == "" {
		return tenancy.Pathname{}, ErrNoTenant
	}
	q := t.query(s)
	p, err := s.locator.Locate(ctx, &q)
	if err != nil {
		return p, fmt.Errorf("storage: tenant %q: %w", t.Schema, err)
	}
	switch {
	case p.Err != nil && p.BaseLocation == "":
		return p, fmt.Errorf("storage: tenant %q: %w: %w", t.Schema, ErrIdentifier, p.Err)
	case p.Err != nil && s.baseURL != "":
		return p, fmt.Errorf("storage: tenant %q: %w", t.Schema, p.Err)
	}
	if why := flaw(p.Identifier); why != "" {
		return p, fmt.Errorf("storage: tenant %q: %w %.200q %s: expected a name that can be that of a folder", t.Schema, ErrIdentifier, p.Identifier, why)
	}
	if expected := path.Join(s.location, p.Identifier); strings.TrimRight(p.BaseLocation, "/") != expected {
		return p, fmt.Errorf("storage: tenant %q: %w: expected its files in %q, the guest says %.200q", t.Schema, ErrIdentifier, expected, p.BaseLocation)
	}
	return p, nil
}
