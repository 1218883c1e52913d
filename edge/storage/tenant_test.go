package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestF2IdentifiersAreOneSegmentEachAndApart(t *testing.T) {
	own := func(schema, pathname string) Tenant {
		return Tenant{Schema: schema, Pathname: pathname, HasPathname: true}
	}
	for _, c := range []struct {
		name    string
		tenants []Tenant
		blamed  string // the tenant that the error names; none if all is well
	}{
		{"1 and 11 are apart", []Tenant{{Schema: "1"}, {Schema: "11"}}, ""},
		{"the same tenant twice, by two domains", []Tenant{{Schema: "a"}, {Schema: "a", Folder: "f"}}, ""},
		{"empty", []Tenant{own("good", "x"), own("acme", "")}, "acme"},
		{"a dot", []Tenant{own("acme", ".")}, "acme"},
		{"two dots", []Tenant{own("acme", "..")}, "acme"},
		{"a slash", []Tenant{own("acme", "a/b")}, "acme"},
		{"another's folder", []Tenant{own("acme", "../other")}, "acme"},
		{"a backslash", []Tenant{own("acme", `a\b`)}, "acme"},
		{"a NUL", []Tenant{own("acme", "a\x00")}, "acme"},
		{"no UTF-8", []Tenant{own("acme", "a\xff")}, "acme"},
		{"as a temporary file", []Tenant{own("acme", ".TenantEdge-1")}, "acme"},
		{"the same", []Tenant{{Schema: "other"}, own("acme", "other")}, "acme"},
		{"the same but for case", []Tenant{{Schema: "Other"}, own("acme", "oTHER")}, "acme"},
		{"the same but for case, not ASCII", []Tenant{own("other", "straße"), own("acme", "STRASSE")}, "acme"},
		{"the same but for composition", []Tenant{own("other", "caf\u00e9"), own("acme", "cafe\u0301")}, "acme"},
		{"none", []Tenant{{}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStorage(t, Config{})
			problems, err := s.NewIdentifiers().Update(t.Context(), slices.Values(c.tenants))
			err = errors.Join(append(problems, err)...)
			switch {
			case c.name == "none":
				if !errors.Is(err, ErrNoTenant) {
					t.Errorf("%v, expected ErrNoTenant", err)
				}
			case c.blamed == "":
				must(t, err)
			case !errors.Is(err, ErrIdentifier) || !strings.Contains(err.Error(), `"`+c.blamed+`"`):
				t.Errorf("%v, expected ErrIdentifier that names %s", err, c.blamed)
			}
		})
	}
}

// TestF2AGuestCannotMoveATenant: the guest's answer is checked, not believed.
func TestF2AGuestCannotMoveATenant(t *testing.T) {
	location := t.TempDir()
	for _, p := range []tenancy.Pathname{
		{},
		{Identifier: "..", BaseLocation: filepath.Dir(location)},
		{Identifier: "t2/x", BaseLocation: location + "/t2/x/"},
		{Identifier: "t1", BaseLocation: location + "/t2/"},
		{Identifier: "t1", BaseLocation: location},
		{Identifier: "t1", BaseLocation: "t1/"},
	} {
		s := newStorage(t, Config{Location: location, Locator: locator(p)})
		if _, err := s.For(t.Context(), Tenant{Schema: "t1"}); !errors.Is(err, ErrIdentifier) {
			t.Errorf("%+v: %v, expected ErrIdentifier", p, err)
		}
	}
	s := newStorage(t, Config{Location: location, Locator: locator{Identifier: "t1", BaseLocation: location + "/t1/", Path: location + "/t2/x", HasPath: true}})
	v, err := s.For(t.Context(), Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	if path, err := v.Path(t.Context(), "x"); !errors.Is(err, ErrSuspicious) {
		t.Errorf("%q, %v, expected ErrSuspicious", path, err)
	}
}

type locator tenancy.Pathname

func (l locator) Locate(context.Context, *tenancy.PathQuery) (tenancy.Pathname, error) {
	return tenancy.Pathname(l), nil
}

func TestF2ATenantsFolderThatIsALinkIsRefused(t *testing.T) {
	s := newStorage(t, Config{})
	must(t, os.Mkdir(filepath.Join(s.location, "t11"), 0o777))
	must(t, os.Symlink("t11", filepath.Join(s.location, "t1")))
	v, err := s.For(t.Context(), Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	if name, err := v.Save(t.Context(), "x", strings.NewReader(""), 0); err == nil {
		t.Errorf("saved %s among another's files", name)
	}
}

func TestF3WithoutATenantThereIsNoFile(t *testing.T) {
	s := newStorage(t, Config{})
	must(t, os.WriteFile(filepath.Join(s.location, "x"), nil, 0o666))
	for _, none := range []Tenant{{}, {Folder: "acme"}, {Pathname: "acme", HasPathname: true}} {
		if v, err := s.For(t.Context(), none); v != nil || !errors.Is(err, ErrNoTenant) {
			t.Errorf("%+v: %v, %v, expected ErrNoTenant", none, v, err)
		}
	}
	var v View
	for _, name := range []string{"", ".", "x", "/x", "../x"} {
		_, exists := v.Exists(name)
		_, open := v.OpenFile(name, os.O_RDONLY)
		_, _, list := v.ListDir(name)
		_, save := v.Save(t.Context(), name, strings.NewReader(""), 0)
		_, path := v.Path(t.Context(), name)
		_, url := v.URL(t.Context(), name)
		for i, err := range []error{exists, open, list, save, path, url} {
			if err == nil {
				t.Errorf("%q: operation %d of a view of nobody succeeded", name, i)
			}
		}
	}
	if _, err := v.Open("."); !errors.Is(err, ErrNoTenant) {
		t.Errorf("%v, expected ErrNoTenant", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}
