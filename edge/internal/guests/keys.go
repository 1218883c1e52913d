package guests

import (
	"cmp"
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// CacheKey returns the key of a tenant's value in a cache that tenants share. An
// empty schema means the schema public.
func (s *Set) CacheKey(ctx context.Context, schema, prefix, version, key string) (string, error) {
	schema = cmp.Or(schema, publicSchema)
	if !s.current.Load().program.Has(instance.CacheKey) {
		return tenancy.CacheKey(schema, prefix, version, key), nil
	}
	found, err := s.key(ctx, instance.CacheKey, schema, prefix, version, key)
	if err == nil && !hasSchemaPrefix(found, schema) {
		return "", fmt.Errorf("the guest's cache key for %.80q is %.80q: expected the schema, optionally followed by a colon and a suffix", schema, found)
	}
	return found, err
}

// ReverseKey returns the key from which CacheKey made cacheKey.
func (s *Set) ReverseKey(ctx context.Context, cacheKey string) (string, error) {
	if !s.current.Load().program.Has(instance.ReverseKey) {
		return tenancy.ReverseKey(cacheKey)
	}
	return s.key(ctx, instance.ReverseKey, "", "", "", cacheKey)
}

func (s *Set) key(ctx context.Context, e instance.Export, schema, prefix, version, key string) (string, error) {
	var result string
	err := s.query(ctx, e, func(buf []byte) int {
		b := abi.Begin(buf, 0, abi.KeyKey+1)
		b.Put(abi.KeySchema, schema)
		b.Put(abi.KeyPrefix, prefix)
		b.Put(abi.KeyVersion, version)
		b.Put(abi.KeyKey, key)
		return Size(&b)
	}, func(m abi.Message) error {
		found, ok := m.Field(abi.KeyResult)
		if !ok {
			return fmt.Errorf("the guest returned no key: %s", cmp.Or(string(m.Get(abi.KeyError)), "it gave no reason"))
		}
		result = string(found)
		return nil
	})
	return result, err
}

// query calls an export that may not use files: keys and paths must not depend
// on what files hold.
func (s *Set) query(ctx context.Context, e instance.Export, write func([]byte) int, read func(abi.Message) error) error {
	g, i, err := s.Borrow(ctx)
	if err != nil {
		return err
	}
	defer g.program.Return(i)
	services := i.Services().(*services)
	services.begin()
	services.noFiles = true
	return g.failed(i.Call(ctx, e, write, read))
}
