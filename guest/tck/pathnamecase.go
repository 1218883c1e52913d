package tck

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// PathnameCase asks where a file is. Of what is wanted, null is for a field
// that is absent.
type PathnameCase struct {
	Name           string  `json:"name"`
	Schema         string  `json:"schema"`
	Folder         string  `json:"folder"`
	SchemaPathname *string `json:"schema_pathname"`
	Location       string  `json:"location"`
	BaseURL        string  `json:"base_url"`
	File           *string `json:"file"`

	Identifier   *string `json:"identifier"`
	BaseLocation *string `json:"base_location"`
	TenantURL    *string `json:"tenant_url"`
	Path         *string `json:"path"`
	URL          *string `json:"url"`
	Refused      bool    `json:"refused"`
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
	if reason, refused := m.Field(abi.PathError); refused != c.Refused {
		t.Errorf("refused is %v (%s), expected %v", refused, reason, c.Refused)
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
			t.Errorf("%s is %q (present: %v), expected %s", f.name, got, ok, shown(f.want))
		}
	}
}

func shown(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}
