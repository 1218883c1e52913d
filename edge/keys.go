package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// publicSchema is whose keys and files are meant outside of any tenant.
const publicSchema = "public"

// tenantOf is t, else the tenant of ctx, else nil.
func tenantOf(ctx context.Context, t *tenant.Tenant) *tenant.Tenant {
	if t == nil {
		t, _ = tenant.From(ctx)
	}
	return t
}

// CacheKey returns the key under which a value of the tenant is kept in a
// cache that tenants share. A nil tenant means that of ctx, and outside of any
// tenant the schema public. It is the guest's logic, so a swap changes it too;
// the default guest gives schema:prefix:version:key, as django-pgschemas does.
// Keys of two tenants differ: a guest's key that does not begin with the schema
// is an error. Within one tenant, two keys may be the same where
// prefix or version has a colon; where they come from users, DistinctCacheKey is
// the safe choice.
func (h *Host) CacheKey(ctx context.Context, t *tenant.Tenant, prefix, version, key string) (string, error) {
	schema := publicSchema
	if t = tenantOf(ctx, t); t != nil {
		schema = t.Schema
	}
	if !h.current.Load().program.Has(instance.CacheKey) {
		return tenancy.CacheKey(schema, prefix, version, key), nil
	}
	found, err := h.key(ctx, instance.CacheKey, schema, prefix, version, key)
	if err == nil && !beginsWith(found, schema) {
		return "", fmt.Errorf("edge: the guest's cache key for %.80q is %.80q: expected its schema, or its schema and a colon at the beginning", schema, found)
	}
	return found, err
}

// DistinctCacheKey is CacheKey for a prefix and a version that may hold anything:
// percent and colon are written as %25 and %3A in both, so that different
// arguments give different keys. Without them it is CacheKey, and ReverseKey
// gives back the key that it was given. A guest with logic of its own keeps keys
// apart if it does so for prefixes and versions without colons.
func (h *Host) DistinctCacheKey(ctx context.Context, t *tenant.Tenant, prefix, version, key string) (string, error) {
	return h.CacheKey(ctx, t, tenancy.DistinctPart(prefix), tenancy.DistinctPart(version), key)
}

// ReverseKey returns the key that CacheKey was given, or an error if cacheKey
// is none of its.
func (h *Host) ReverseKey(ctx context.Context, cacheKey string) (string, error) {
	if !h.current.Load().program.Has(instance.ReverseKey) {
		return tenancy.ReverseKey(cacheKey)
	}
	return h.key(ctx, instance.ReverseKey, "", "", "", cacheKey)
}

func (h *Host) key(ctx context.Context, e instance.Export, schema, prefix, version, key string) (string, error) {
	var result string
	err := h.ask(ctx, e, func(buf []byte) int {
		b := abi.Begin(buf, 0, abi.KeyKey+1)
		b.Put(abi.KeySchema, schema)
		b.Put(abi.KeyPrefix, prefix)
		b.Put(abi.KeyVersion, version)
		b.Put(abi.KeyKey, key)
		return sizeOf(&b)
	}, func(m abi.Message) error {
		found, ok := m.Field(abi.KeyResult)
		if !ok {
			return fmt.Errorf("edge: %s", cmp.Or(string(m.Get(abi.KeyError)), "the guest has no such key"))
		}
		result = string(found)
		return nil
	})
	return result, err
}

// PathQuery asks where a tenant's file is. Tenant nil means that of the
// context, and outside of any tenant the schema public.
type PathQuery struct {
	Tenant   *tenant.Tenant
	Location string // folder on disk above all tenants' files
	BaseURL  string // URL above all tenants' files, such as "/media/"
	Name     string // name of the file inside the tenant's files; see NoName
	NoName   bool   // ask for identifier and bases alone
}

// Pathname is where a tenant's file is.
type Pathname struct {
	Identifier   string // what stands for the tenant in both
	BaseLocation string // Location with the tenant in it
	BaseURL      string // BaseURL with the tenant in it
	Path, URL    string // of the file; empty where Err says why
	HasPath      bool
	HasURL       bool
	Err          error // the name was refused: it leaves the tenant's files, say
}

// ErrName is in the chain of Pathname.Err.
var ErrName = errors.New("edge: file name refused")

// Pathname asks the guest where a tenant's file is on disk and on the web. The
// error is the guest's failure; a name that is refused is told by Pathname.Err.
func (h *Host) Pathname(ctx context.Context, q PathQuery) (Pathname, error) {
	t := tenantOf(ctx, q.Tenant)
	if t == nil {
		t = &tenant.Tenant{Schema: publicSchema}
	}
	own, hasOwn := t.Pathname()
	g := h.current.Load()
	switch {
	case !g.program.Has(instance.Pathname):
		return h.locate(t, own, hasOwn, q), nil
	case q.NoName && h.isInsideGuest(ctx):
		key := pathnameKey{t.Schema, t.Routing.Folder, own, hasOwn, q.Location, q.BaseURL}
		return h.pathnames.find(ctx, g, key, func(ctx context.Context) (Pathname, error) { return h.askPathname(ctx, t, own, hasOwn, q) })
	default:
		return h.askPathname(ctx, t, own, hasOwn, q)
	}
}

func (h *Host) askPathname(ctx context.Context, t *tenant.Tenant, own string, hasOwn bool, q PathQuery) (Pathname, error) {
	var p Pathname
	err := h.ask(ctx, instance.Pathname, func(buf []byte) int {
		b := abi.Begin(buf, 0, abi.PathName+1)
		b.Put(abi.PathSchema, t.Schema)
		b.Put(abi.PathFolder, t.Routing.Folder)
		if hasOwn {
			b.Put(abi.PathSchemaPathname, own)
		}
		b.Put(abi.PathLocation, q.Location)
		b.Put(abi.PathBaseURL, q.BaseURL)
		if !q.NoName {
			b.Put(abi.PathName, q.Name)
		}
		return sizeOf(&b)
	}, func(m abi.Message) error {
		p = Pathname{
			Identifier:   string(m.Get(abi.PathIdentifier)),
			BaseLocation: string(m.Get(abi.PathBaseLocation)),
			BaseURL:      string(m.Get(abi.PathTenantURL)),
		}
		var path, url []byte
		path, p.HasPath = m.Field(abi.PathPath)
		url, p.HasURL = m.Field(abi.PathURL)
		p.Path, p.URL = string(path), string(url)
		if reason, ok := m.Field(abi.PathError); ok {
			p.Err = fmt.Errorf("%w: %s", ErrName, reason)
		}
		return nil
	})
	return p, err
}

// locate is the answer where the guest has none of its own.
func (h *Host) locate(t *tenant.Tenant, own string, hasOwn bool, q PathQuery) Pathname {
	p := tenancy.Locate(&tenancy.PathQuery{
		Schema: t.Schema, Folder: t.Routing.Folder, SchemaPathname: own, HasSchemaPathname: hasOwn,
		Location: q.Location, BaseURL: q.BaseURL, Name: q.Name, HasName: !q.NoName,
	}, h.config.Compat == Strict)
	err := p.Err
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrName, err)
	}
	return Pathname{p.Identifier, p.BaseLocation, p.BaseURL, p.Path, p.URL, p.HasPath, p.HasURL, err}
}

// ask calls an export with what write puts into the buffer, and hands the
// reply to read while it holds.
func (h *Host) ask(ctx context.Context, e instance.Export, write func([]byte) int, read func(abi.Message) error) error {
	g, i, err := h.borrow(ctx)
	if err != nil {
		return err
	}
	defer g.program.Return(i)
	s := i.Services().(*services)
	s.begin()
	s.noFiles = true // what it answers about files must not depend on them
	return g.failed(i.Call(ctx, e, write, read))
}

// sizeOf is the size of a message, negated if it does not fit, as
// instance.Call asks for it.
func sizeOf(b *abi.Builder) int {
	if !b.Fits() {
		return -b.Size()
	}
	return b.Size()
}
