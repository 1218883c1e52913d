package backend

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Namespace decides where each tenant's files are and how much a tenant may
// keep, for every backend. It is safe for concurrent use.
type Namespace struct {
	location, baseURL string
	locator           storage.Locator
	longest, maxDepth int
	quota             func(storage.Tenant) storage.Quota
	count             func(context.Context, string) (storage.Usage, error)
	tooDeep           atomic.Uint64
}

// Config configures a Namespace.
type Config struct {
	// Location is above all tenants' files: an absolute and clean path.
	Location string
	// BaseURL is the URL above all tenants' files. Empty: files have no URL.
	BaseURL string
	// Locator decides where a tenant's files are. Nil: the default guest's logic,
	// run natively.
	Locator storage.Locator
	// Quota returns what a tenant may keep. Nil: no tenant has a quota.
	Quota func(storage.Tenant) storage.Quota
	// LongestPath is the maximum length of Location, identifier and name together,
	// in bytes.
	LongestPath int
	// MaxDepth is how many folders a new file may be below. 0: no limit.
	MaxDepth int
	// Count counts what the tenant with an identifier keeps, including whatever
	// else counts as a file.
	Count func(ctx context.Context, identifier string) (storage.Usage, error)
}

// New returns a namespace and its ledger. It does not check c: backends do.
func New(c Config) (*Namespace, *Ledger) {
	if c.Locator == nil {
		c.Locator = native{}
	}
	s := &Namespace{
		location: c.Location, baseURL: c.BaseURL, locator: c.Locator, longest: c.LongestPath, maxDepth: c.MaxDepth,
		quota: c.Quota, count: c.Count,
	}
	return s, &Ledger{space: s, accounts: make(map[string]*Account)}
}

// TooDeep returns how many names were rejected with ErrDepth.
func (s *Namespace) TooDeep() uint64 { return s.tooDeep.Load() }

// Quota returns the quota of a tenant; the zero value if it has none.
func (s *Namespace) Quota(t storage.Tenant) storage.Quota {
	if s.quota == nil {
		return storage.Quota{}
	}
	return s.quota(t)
}

// Names returns the Names of a tenant.
func (s *Namespace) Names(ctx context.Context, t storage.Tenant) (Names, error) {
	p, err := s.identify(ctx, t)
	if err != nil {
		return Names{}, err
	}
	return Names{space: s, tenant: t, identifier: p.Identifier, location: path.Join(s.location, p.Identifier), baseURL: p.BaseURL}, nil
}

// Identify returns the identifier of a tenant's files.
func (s *Namespace) Identify(ctx context.Context, t storage.Tenant) (string, error) {
	p, err := s.identify(ctx, t)
	return p.Identifier, err
}

// identify asks where the tenant's files are, and rejects every answer that is
// not one folder directly below Location.
func (s *Namespace) identify(ctx context.Context, t storage.Tenant) (tenancy.Pathname, error) {
	if t.Schema == "" {
		return tenancy.Pathname{}, storage.ErrNoTenant
	}
	q := s.query(&t)
	p, err := s.locator.Locate(ctx, &q)
	if err != nil {
		return p, fmt.Errorf("storage: tenant %q: %w", t.Schema, err)
	}
	switch {
	case p.Err != nil && p.BaseLocation == "":
		return p, fmt.Errorf("storage: tenant %q: %w: %w", t.Schema, storage.ErrIdentifier, p.Err)
	case p.Err != nil && s.baseURL != "":
		return p, fmt.Errorf("storage: tenant %q: %w", t.Schema, p.Err)
	}
	if why := flaw(p.Identifier); why != "" {
		return p, fmt.Errorf("storage: tenant %q: %w %.200q %s: expected the name of a folder", t.Schema, storage.ErrIdentifier, p.Identifier, why)
	}
	if expected := path.Join(s.location, p.Identifier); strings.TrimRight(p.BaseLocation, "/") != expected {
		return p, fmt.Errorf("storage: tenant %q: %w: expected its files in %q, the guest answered %.200q", t.Schema, storage.ErrIdentifier, expected, p.BaseLocation)
	}
	return p, nil
}

func (s *Namespace) query(t *storage.Tenant) tenancy.PathQuery {
	return tenancy.PathQuery{
		Schema: t.Schema, Folder: t.Folder, SchemaPathname: t.Pathname, HasSchemaPathname: t.HasPathname,
		Location: s.location, BaseURL: s.baseURL,
	}
}

// native runs the default guest's logic without the guest.
type native struct{}

func (native) Locate(_ context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	return tenancy.Locate(q, false), nil
}

// flaw returns why an identifier cannot be one segment of a path; "" if it can.
func flaw(identifier string) string {
	switch {
	case identifier == "":
		return "is empty"
	case identifier == "." || identifier == "..":
		return "names another folder"
	case strings.ContainsAny(identifier, "/\\\x00"):
		return "has a slash or a NUL"
	case !utf8.ValidString(identifier):
		return "is not UTF-8"
	case Reserved(identifier):
		return "begins with " + ReservedPrefix
	default:
		return ""
	}
}

var _ storage.Locator = native{}
