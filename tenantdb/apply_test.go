package tenantdb

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

func apply(d *Directory, id, schema string, rows ...string) Report {
	c := Change{Tenant: tenant(id, schema), Removed: schema == ""}
	for _, r := range rows {
		c.Domains = append(c.Domains, row(id, r))
	}
	return d.Apply([]Change{c})
}

// contents lists the content of a directory, sorted.
func contents(d *Directory) string {
	var lines []string
	for t := range d.Tenants() {
		lines = append(lines, fmt.Sprintf("tenant %s %s %v", t.ID, t.Schema, t.Attributes))
	}
	for r := range d.Domains() {
		lines = append(lines, fmt.Sprintf("domain %s %s/%s %v %v", r.TenantID, r.Domain, r.Folder, r.IsPrimary, r.RedirectToPrimary))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func TestAChangeReplacesAllRowsOfATenant(t *testing.T) {
	d := NewDirectory(Options{})
	apply(d, "1", "t1", "!a", "b", "c")
	apply(d, "2", "t2", "!x")
	r := apply(d, "1", "renamed", "b", "!d")
	if r.LeftOut != 0 || r.Tenants != 2 || r.Domains != 3 {
		t.Fatalf("report: %v", r)
	}
	if _, found := d.BySchema("t1"); found {
		t.Error("the old schema name is still there")
	}
	if _, found := d.ByDomain("a", ""); found {
		t.Error("a removed row is still there")
	}
	if m, found := d.ByDomain("b", ""); !found || m.Tenant.Schema != "renamed" {
		t.Errorf("a row that stayed: %v", m)
	}
	if m, _ := d.Primary("1"); m.Domain != "d" {
		t.Errorf("primary: %v", m)
	}
	if r := apply(d, "1", ""); r.Tenants != 1 || r.Domains != 1 {
		t.Errorf("after removal: %v", r)
	}
	if r := apply(d, "99", ""); r.Tenants != 1 || r.LeftOut != 0 {
		t.Errorf("removing an unknown tenant: %v", r)
	}
}

func TestTenantsCanExchangeSchemasAndDomains(t *testing.T) {
	d := NewDirectory(Options{})
	apply(d, "1", "t1", "!a")
	apply(d, "2", "t2", "!b")
	r := d.Apply([]Change{
		{Tenant: tenant("1", "t2"), Domains: []Domain{row("1", "!b")}},
		{Tenant: tenant("2", "t1"), Domains: []Domain{row("2", "!a")}},
	})
	if r.LeftOut != 0 {
		t.Fatal(r)
	}
	a, _ := d.ByDomain("a", "")
	b, _ := d.BySchema("t2")
	if a.Tenant.ID != "2" || a.Tenant.Schema != "t1" || b.ID != "1" {
		t.Errorf("a: %v, t2: %v", a, b)
	}
}

func TestChangesThatAreNotValidAreNamed(t *testing.T) {
	d := NewDirectory(Options{})
	apply(d, "1", "t1", "!a")
	for _, c := range []struct {
		name, id, schema string
		rows             []string
		reason           string
	}{
		{"a bad schema", "2", "pg_x", []string{"q"}, "reserved by Postgres"},
		{"a schema that is taken", "2", "t1", nil, reasonSameSchema},
		{"a domain that is taken", "2", "t2", []string{"a"}, reasonDuplicate},
		{"a domain twice", "2", "t2", []string{"z", "z"}, reasonDuplicate},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := apply(d, c.id, c.schema, c.rows...)
			if r.LeftOut == 0 || !strings.Contains(r.Problems[0].Reason, c.reason) {
				t.Errorf("report: %+v", r)
			}
			if m, _ := d.ByDomain("a", ""); m.Tenant.ID != "1" {
				t.Errorf("the row of the first tenant changed: %v", m)
			}
		})
	}
	r := d.Apply([]Change{{Tenant: tenant("5", "t5"), Domains: []Domain{row("6", "other")}}})
	if r.LeftOut != 1 {
		t.Errorf("another tenant's row: %v", r)
	}
}

func TestARowThatWasLeftOutReplacesTheOneThatIsRemoved(t *testing.T) {
	lower := func(s string) (string, error) { return strings.ToLower(s), nil }
	d := NewDirectory(Options{Normalize: lower})
	d.Replace(State{
		Tenants: []Tenant{tenant("1", "t1"), tenant("2", "t2"), tenant("3", "t3")},
		Domains: []Domain{row("1", "a"), row("2", "A"), row("2", "!b"), row("3", "a")},
	})
	apply(d, "1", "t1")
	if m, _ := d.ByDomain("a", ""); m.Tenant.ID != "2" {
		t.Fatalf("after the removal of the first: %v", m)
	}
	if got := slices.Collect(d.DomainsOf("2")); len(got) != 2 {
		t.Errorf("rows of 2: %v", got)
	}
	apply(d, "3", "") // its row is no longer kept aside
	apply(d, "2", "t2", "!b")
	if m, found := d.ByDomain("a", ""); found {
		t.Errorf("after the removal of all: %v", m)
	}
}

// After random changes the directory agrees with a naive model.
func TestRandomChangesAgreeWithAModel(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 7))
		d := NewDirectory(Options{})
		model := map[string]Change{}
		ids := 1 + r.IntN(400)
		for step := range 300 {
			var batch []Change
			named := map[string]bool{}
			for range 1 + r.IntN(4) {
				id := strconv.Itoa(r.IntN(ids))
				if named[id] {
					continue
				}
				named[id] = true
				c := Change{Tenant: tenant(id, "s"+id), Removed: r.IntN(4) == 0}
				if r.IntN(2) == 0 {
					c.Tenant.Attributes = []Attribute{{"k", strconv.Itoa(r.IntN(3))}}
				}
				if !c.Removed {
					for k := range r.IntN(6) {
						c.Domains = append(c.Domains, row(id, []string{"", "!"}[r.IntN(2)]+"d"+id+"/f"+strconv.Itoa(k)))
					}
				}
				batch = append(batch, c)
				model[id] = c
				if c.Removed {
					delete(model, id)
				}
			}
			if step%97 == 96 {
				var s State
				for _, c := range model {
					s.Tenants = append(s.Tenants, c.Tenant)
					s.Domains = append(s.Domains, c.Domains...)
				}
				d.Replace(s)
			} else {
				d.Apply(batch)
			}
		}
		fresh := NewDirectory(Options{})
		fresh.Apply(slices.Collect(maps.Values(model)))
		if got, want := contents(d), contents(fresh); got != want {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
		for id, c := range model {
			for _, row := range c.Domains {
				m, found := d.ByDomain(row.Domain, row.Folder)
				if !found || m.Tenant.ID != id || m.IsPrimary != row.IsPrimary || !slices.Equal(m.Tenant.Attributes, c.Tenant.Attributes) {
					t.Fatalf("seed %d: row %v found as %v", seed, row, m)
				}
			}
			if got, _ := d.BySchema(c.Tenant.Schema); got.ID != id {
				t.Fatalf("seed %d: schema of %s found as %v", seed, id, got)
			}
		}
	}
}

func TestADirectoryGrowsByPatches(t *testing.T) {
	d := NewDirectory(Options{})
	s := manyRows(4_000, 2_000, false)
	rows := map[string][]Domain{}
	for _, r := range s.Domains {
		rows[r.TenantID] = append(rows[r.TenantID], r)
	}
	for _, tn := range s.Tenants {
		d.Apply([]Change{{Tenant: tn, Domains: rows[tn.ID]}})
	}
	if st := d.Stats(); st.Tenants != 2_000 || st.Domains != 4_000 {
		t.Fatalf("stats: %+v", st)
	}
	for _, r := range s.Domains {
		if m, found := d.ByDomain(r.Domain, ""); !found || m.Tenant.ID != r.TenantID {
			t.Fatalf("%v found as %v", r, m)
		}
	}
}

func TestLongTextsFitAShard(t *testing.T) {
	d := NewDirectory(Options{})
	var s State
	for i := range 2000 {
		id := strconv.Itoa(i) + strings.Repeat("x", 240)
		s.Tenants = append(s.Tenants, tenant(id, "t"+strconv.Itoa(i)))
		s.Domains = append(s.Domains, row(id, "!"+strings.Repeat("é", 240)+strconv.Itoa(i)+"/"+strings.Repeat("語", 253)))
	}
	if r := d.Replace(s); r.LeftOut != 0 {
		t.Fatal(r)
	}
	for _, r := range s.Domains {
		if m, found := d.ByDomain(r.Domain, r.Folder); !found || m.Tenant.ID != r.TenantID {
			t.Fatalf("%v found as %v", r, m)
		}
		if _, found := d.ByID(r.TenantID); !found {
			t.Fatal("tenant not found")
		}
	}
	if _, found := d.ByID(""); found {
		t.Error("padding was found")
	}
	if got := len(strings.Split(contents(d), "\n")); got != 4000 {
		t.Errorf("%d rows", got)
	}
}
