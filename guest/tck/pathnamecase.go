package tck

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// PathnameCase is a request for a file's path and URL, and the expected reply.
type PathnameCase struct {
	Name           string  `json:"name"`
	Schema         string  `json:"schema"`
	Folder         string  `json:"folder"`
	SchemaPathname *string `json:"schema_pathname"`
	Location       string  `json:"location"`
	BaseURL        string  `json:"base_url"`
	File           *string `json:"file"`

	// The expected fields of the reply; null: the field is absent.
	Identifier   *string `json:"identifier"`
	BaseLocation *string `json:"base_location"`
	TenantURL    *string `json:"tenant_url"`
	Path         *string `json:"path"`
	URL          *string `json:"url"`
	Error        bool    `json:"error"` // the reply is an error
}

func (c *PathnameCase) check(t *testing.T, g Guest) {
	reply, err := g.Call(abi.ExportPathname, build(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, abi.PathName+1)
		b.Put(abi.PathSchema, c.Schema)
		b.Put(abi.PathFolder, c.Folder)
		if c.SchemaPathname != nil {
			b.Put(abi.PathSchemaPathname, *c.SchemaPathname)
		}
		b.Put(abi.PathLocation, c.Location)
		b.Put(abi.PathBaseURL, c.BaseURL)
		if c.File != nil {
			b.Put(abi.PathName, *c.File)
		}
		return b
	}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	if reason, failed := m.Field(abi.PathError); failed != c.Error {
		t.Errorf("error present: %v (%q), expected %v", failed, reason, c.Error)
	}
	for _, f := range []struct {
		name  string
		field int
		want  *string
	}{
		{"identifier", abi.PathIdentifier, c.Identifier}, {"base_location", abi.PathBaseLocation, c.BaseLocation},
		{"tenant_url", abi.PathTenantURL, c.TenantURL}, {"path", abi.PathPath, c.Path}, {"url", abi.PathURL, c.URL},
	} {
		got, ok := m.Field(f.field)
		if ok != (f.want != nil) || ok && string(got) != *f.want {
			t.Errorf("%s is %q (present: %v), expected %s", f.name, got, ok, orNone(f.want))
		}
	}
}

func orNone(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}
