package disk

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// newView returns a view of a tenant in an empty folder.
func newView(t testing.TB, c Config) *View {
	t.Helper()
	s := newStorage(t, c)
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newStorage(t testing.TB, c Config) *Storage {
	t.Helper()
	if c.Location == "" {
		c.Location = t.TempDir()
	}
	if c.BaseURL == "" {
		c.BaseURL = "/media/"
	}
	c.NoSync = true
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func django(v *View) storage.Django { return storage.Django{View: v} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
