package tck

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// KeyCase is the expected cache key of a schema, a prefix, a version and a key.
type KeyCase struct {
	Schema  string `json:"schema"`
	Prefix  string `json:"prefix"`
	Version string `json:"version"`
	Key     string `json:"key"`
	Want    string `json:"want"`
}

// ReverseCase is the expected key in a cache key; Want null expects an error.
type ReverseCase struct {
	CacheKey string  `json:"cache_key"`
	Want     *string `json:"want"`
}

func (c *KeyCase) check(t *testing.T, g Guest) {
	want := c.Want
	checkKey(t, g, abi.ExportCacheKey, &want, func(b *abi.Builder) {
		b.Put(abi.KeySchema, c.Schema)
		b.Put(abi.KeyPrefix, c.Prefix)
		b.Put(abi.KeyVersion, c.Version)
		b.Put(abi.KeyKey, c.Key)
	})
}

func (c *ReverseCase) check(t *testing.T, g Guest) {
	checkKey(t, g, abi.ExportReverseKey, c.Want, func(b *abi.Builder) { b.Put(abi.KeyKey, c.CacheKey) })
}

func checkKey(t *testing.T, g Guest, export string, want *string, put func(*abi.Builder)) {
	t.Helper()
	reply, err := g.Call(export, build(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, abi.KeyKey+1)
		put(&b)
		return b
	}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := m.Field(abi.KeyResult)
	_, failed := m.Field(abi.KeyError)
	switch {
	case ok == failed:
		t.Errorf("result present: %v, error present: %v; expected one of the two", ok, failed)
	case want == nil && ok:
		t.Errorf("result is %q, expected an error", got)
	case want != nil && string(got) != *want:
		t.Errorf("result is %q (error %q), expected %q", got, m.Get(abi.KeyError), *want)
	}
}
