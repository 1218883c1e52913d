package storage

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestF2OfTwoTenantsWithOneFolderTheFirstKeepsIt(t *testing.T) {
	own := func(schema, pathname string) Tenant {
		return Tenant{Schema: schema, Pathname: pathname, HasPathname: true}
	}
	for _, c := range []struct {
		name    string
		first   []Tenant
		then    []Tenant
		refused string // schema, empty: nobody
	}{
		{"nothing in common", []Tenant{{Schema: "a"}}, []Tenant{{Schema: "b"}, {Schema: "a"}}, ""},
		{"a prefix", []Tenant{{Schema: "1"}}, []Tenant{{Schema: "1"}, {Schema: "11"}}, ""},
		{"the same pathname", []Tenant{own("a", "files")}, []Tenant{own("b", "files"), own("a", "files")}, "b"},
		{"another's schema", []Tenant{{Schema: "a"}}, []Tenant{own("b", "a"), {Schema: "a"}}, "b"},
		{"another case", []Tenant{{Schema: "acme"}}, []Tenant{{Schema: "Acme"}, {Schema: "acme"}}, "Acme"},
		{"a full case folding", []Tenant{own("a", "straße")}, []Tenant{own("b", "STRASSE"), own("a", "straße")}, "b"},
		{"another composition", []Tenant{own("a", "caf\u00e9")}, []Tenant{own("b", "cafe\u0301"), own("a", "caf\u00e9")}, "b"},
		{"no folder at all", nil, []Tenant{own("a", "..")}, "a"},
		{"two segments", nil, []Tenant{own("a", "b/c")}, "a"},
		{"empty", nil, []Tenant{own("a", "")}, "a"},
		{"the first is gone", []Tenant{{Schema: "acme"}}, []Tenant{{Schema: "Acme"}}, ""},
		{"the first has moved", []Tenant{own("a", "files")}, []Tenant{own("b", "files"), own("a", "others")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newStorage(t, Config{Location: t.TempDir()}).NewIdentifiers()
			if problems, err := i.Update(t.Context(), slices.Values(c.first)); len(problems) > 0 || err != nil {
				t.Fatal(problems, err)
			}
			for round := range 2 { // what was told once is not told again
				problems, err := i.Update(t.Context(), slices.Values(c.then))
				told := c.refused != "" && round == 0
				if err != nil || len(problems) > 0 != told {
					t.Errorf("round %d: %v, %v", round, problems, err)
				}
				if told && (!errors.Is(problems[0], ErrIdentifier) || !strings.Contains(problems[0].Error(), `tenant "`+c.refused+`"`)) {
					t.Errorf("%v: expected it to name %s", problems[0], c.refused)
				}
				for _, tenant := range c.then {
					identifier := tenant.Schema
					if tenant.HasPathname {
						identifier = tenant.Pathname
					}
					if err, known := i.Check(tenant, identifier); !known || (err != nil) != (tenant.Schema == c.refused) {
						t.Errorf("%s: %v, known %v", tenant.Schema, err, known)
					}
				}
			}
			if err, known := i.Check(Tenant{Schema: "nobody"}, "nobody"); known || !errors.Is(err, ErrNoTenant) {
				t.Errorf("a tenant that there never was: %v, known %v", err, known)
			}
		})
	}
}

func TestF2AnIdentifierThatWasNotLookedAtIsNobodys(t *testing.T) {
	i := newStorage(t, Config{Location: t.TempDir()}).NewIdentifiers()
	acme := Tenant{Schema: "acme"}
	if _, err := i.Update(t.Context(), slices.Values([]Tenant{acme, {Schema: "umbra"}})); err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"umbra", "Acme", "", "acme/"} {
		if err, known := i.Check(acme, identifier); known || !errors.Is(err, ErrIdentifier) {
			t.Errorf("%q: %v, known %v", identifier, err, known)
		}
	}
}
