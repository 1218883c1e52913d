package backend

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
)

func TestF2OfTwoTenantsWithOneFolderTheFirstKeepsIt(t *testing.T) {
	own := func(schema, pathname string) storage.Tenant {
		return storage.Tenant{Schema: schema, Pathname: pathname, HasPathname: true}
	}
	for _, c := range []struct {
		name     string
		first    []storage.Tenant
		then     []storage.Tenant
		rejected string // schema; empty: none
	}{
		{"nothing in common", []storage.Tenant{{Schema: "a"}}, []storage.Tenant{{Schema: "b"}, {Schema: "a"}}, ""},
		{"a prefix", []storage.Tenant{{Schema: "1"}}, []storage.Tenant{{Schema: "1"}, {Schema: "11"}}, ""},
		{"the same pathname", []storage.Tenant{own("a", "files")}, []storage.Tenant{own("b", "files"), own("a", "files")}, "b"},
		{"another's schema, at once", nil, []storage.Tenant{own("a", "b"), {Schema: "b"}}, "a"},
		{"another's schema", []storage.Tenant{{Schema: "a"}}, []storage.Tenant{own("b", "a"), {Schema: "a"}}, "b"},
		{"another case", []storage.Tenant{{Schema: "acme"}}, []storage.Tenant{{Schema: "Acme"}, {Schema: "acme"}}, "Acme"},
		{"a full case folding", []storage.Tenant{own("a", "straße")}, []storage.Tenant{own("b", "STRASSE"), own("a", "straße")}, "b"},
		{"another composition", []storage.Tenant{own("a", "caf\u00e9")}, []storage.Tenant{own("b", "cafe\u0301"), own("a", "caf\u00e9")}, "b"},
		{"two at once, in any order", nil, []storage.Tenant{own("b", "files"), own("a", "files")}, "b"},
		{"no folder at all", nil, []storage.Tenant{own("a", "..")}, "a"},
		{"two segments", nil, []storage.Tenant{own("a", "b/c")}, "a"},
		{"empty", nil, []storage.Tenant{own("a", "")}, "a"},
		{"the first was removed", []storage.Tenant{{Schema: "acme"}}, []storage.Tenant{{Schema: "Acme"}}, ""},
		{"the first has moved", []storage.Tenant{own("a", "files")}, []storage.Tenant{own("b", "files"), own("a", "others")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newIdentifiers()
			if problems, err := i.Update(t.Context(), slices.Values(c.first)); len(problems) > 0 || err != nil {
				t.Fatal(problems, err)
			}
			for round := range 2 { // the second does not report it again
				problems, err := i.Update(t.Context(), slices.Values(c.then))
				reported := c.rejected != "" && round == 0
				if err != nil || len(problems) > 0 != reported {
					t.Errorf("round %d: %v, %v", round, problems, err)
				}
				if reported && (!errors.Is(problems[0], storage.ErrIdentifier) || !strings.Contains(problems[0].Error(), `tenant "`+c.rejected+`"`)) {
					t.Errorf("%v: expected it to name %s", problems[0], c.rejected)
				}
				for _, tenant := range c.then {
					identifier := tenant.Schema
					if tenant.HasPathname {
						identifier = tenant.Pathname
					}
					if err, known := i.Check(tenant, identifier); !known || (err != nil) != (tenant.Schema == c.rejected) {
						t.Errorf("%s: %v, known %v", tenant.Schema, err, known)
					}
				}
			}
			if err, known := i.Check(storage.Tenant{Schema: "unknown"}, "unknown"); known || !errors.Is(err, storage.ErrNoTenant) {
				t.Errorf("an unknown tenant: %v, known %v", err, known)
			}
		})
	}
}

func TestF2AnIdentifierThatWasNotExaminedIsRejected(t *testing.T) {
	i := newIdentifiers()
	acme := storage.Tenant{Schema: "acme"}
	if _, err := i.Update(t.Context(), slices.Values([]storage.Tenant{acme, {Schema: "umbra"}})); err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"umbra", "Acme", "", "acme/"} {
		if err, known := i.Check(acme, identifier); known || !errors.Is(err, storage.ErrIdentifier) {
			t.Errorf("%q: %v, known %v", identifier, err, known)
		}
	}
}

func TestF2IdentifiersAreOneSegmentEachAndApart(t *testing.T) {
	own := func(schema, pathname string) storage.Tenant {
		return storage.Tenant{Schema: schema, Pathname: pathname, HasPathname: true}
	}
	for _, c := range []struct {
		name    string
		tenants []storage.Tenant
		blamed  string // the tenant that the error names; none if all is well
	}{
		{"1 and 11 are apart", []storage.Tenant{{Schema: "1"}, {Schema: "11"}}, ""},
		{"the same tenant twice, by two domains", []storage.Tenant{{Schema: "a"}, {Schema: "a", Folder: "f"}}, ""},
		{"empty", []storage.Tenant{own("good", "x"), own("acme", "")}, "acme"},
		{"a dot", []storage.Tenant{own("acme", ".")}, "acme"},
		{"two dots", []storage.Tenant{own("acme", "..")}, "acme"},
		{"a slash", []storage.Tenant{own("acme", "a/b")}, "acme"},
		{"another's folder", []storage.Tenant{own("acme", "../other")}, "acme"},
		{"a backslash", []storage.Tenant{own("acme", `a\b`)}, "acme"},
		{"a NUL", []storage.Tenant{own("acme", "a\x00")}, "acme"},
		{"no UTF-8", []storage.Tenant{own("acme", "a\xff")}, "acme"},
		{"as a temporary file", []storage.Tenant{own("acme", ".TenantEdge-1")}, "acme"},
		{"the same", []storage.Tenant{{Schema: "other"}, own("acme", "other")}, "acme"},
		{"the same but for case", []storage.Tenant{{Schema: "Other"}, own("acme", "oTHER")}, "acme"},
		{"the same but for case, not ASCII", []storage.Tenant{own("acme", "straße"), own("other", "STRASSE")}, "other"},
		{"the same but for composition", []storage.Tenant{own("acme", "caf\u00e9"), own("other", "cafe\u0301")}, "other"},
		{"none", []storage.Tenant{{}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems, err := newIdentifiers().Update(t.Context(), slices.Values(c.tenants))
			err = errors.Join(append(problems, err)...)
			switch {
			case c.name == "none":
				if !errors.Is(err, storage.ErrNoTenant) {
					t.Errorf("%v, expected ErrNoTenant", err)
				}
			case c.blamed == "":
				must(t, err)
			case !errors.Is(err, storage.ErrIdentifier) || !strings.Contains(err.Error(), `"`+c.blamed+`"`):
				t.Errorf("%v, expected ErrIdentifier that names %s", err, c.blamed)
			}
		})
	}
}

func newIdentifiers() *Identifiers {
	s, _ := New(Config{Location: "/srv/media", BaseURL: "/media/", LongestPath: 4095})
	return NewIdentifiers(s)
}
