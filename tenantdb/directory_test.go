package tenantdb

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func tenant(id, schema string, attributes ...string) Tenant {
	t := Tenant{ID: id, Schema: schema}
	for i := 0; i < len(attributes); i += 2 {
		t.Attributes = append(t.Attributes, Attribute{attributes[i], attributes[i+1]})
	}
	return t
}

// row parses "domain/folder", with the prefixes ! for primary and > for redirect.
func row(id, s string) Domain {
	d := Domain{TenantID: id}
	for {
		switch {
		case strings.HasPrefix(s, "!"):
			d.IsPrimary = true
		case strings.HasPrefix(s, ">"):
			d.RedirectToPrimary = true
		default:
			d.Domain, d.Folder, _ = strings.Cut(s, "/")
			return d
		}
		s = s[1:]
	}
}

func TestLookupsByDomain(t *testing.T) {
	d := NewDirectory(Options{})
	report := d.Replace(State{
		Tenants: []Tenant{tenant("1", "t1"), tenant("2", "t2", "schema_pathname", "two", "color", "red")},
		Domains: []Domain{
			row("1", "!a.io"), row("2", "a.io/two"), row("2", "!>b.io/100%25"), row("2", "/x"), row("1", "a.io/naïve folder"),
		},
	})
	if report.LeftOut != 0 || report.Tenants != 2 || report.Domains != 5 {
		t.Fatalf("report: %v", report)
	}
	for _, c := range []struct{ name, domain, folder, want string }{
		{"the row with the folder wins", "a.io", "two", "t2 a.io/two"},
		{"an unknown folder falls to the row without one", "a.io", "three", "t1 a.io/ primary"},
		{"no folder finds the row without one", "a.io", "", "t1 a.io/ primary"},
		{"folders are compared with case", "a.io", "TWO", "t1 a.io/ primary"},
		{"domains are compared as they are", "A.io", "", "none"},
		{"a host that has only rows with folders is not found without one", "b.io", "", "none"},
		{"a folder that is no slug is kept", "b.io", "100%25", "t2 b.io/100%25 primary redirect"},
		{"a folder beyond ASCII is kept", "a.io", "naïve folder", "t1 a.io/naïve folder"},
		{"an empty domain is kept", "", "x", "t2 /x"},
		{"domain and folder do not run together", "a.i", "o", "none"},
		{"an unknown domain is not found", "zzz", "two", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, found := d.ByDomain(c.domain, c.folder)
			if got := show(m, found); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	m, _ := d.ByDomain("a.io", "two")
	if v, _ := m.Tenant.Attribute("schema_pathname"); v != "two" {
		t.Errorf("attribute: %v", m.Tenant)
	}
	if m.Tenant.Attributes[0].Name != "color" {
		t.Errorf("attributes are not sorted: %v", m.Tenant.Attributes)
	}
	if _, found := m.Tenant.Attribute("other"); found {
		t.Error("an attribute that is not there was found")
	}
}

func show(m Match, found bool) string {
	if !found {
		return "none"
	}
	s := m.Tenant.Schema + " " + m.Domain + "/" + m.Folder
	if m.IsPrimary {
		s += " primary"
	}
	if m.RedirectToPrimary {
		s += " redirect"
	}
	return s
}

func TestLookupsByReference(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(State{Tenants: []Tenant{
		tenant("10", "ten"), tenant("9", "nine"), tenant("007", "seven"), tenant("abcd-EF", "uuid"),
		tenant("x", "clash_a"), tenant("clash_a", "other"),
		tenant("zz", "yy"), tenant("yy", "zz"),
		tenant("Straße", "street"), tenant("k", "kilo"), tenant("K", "kelvin"),
	}})
	for _, c := range []struct{ name, ref, want string }{
		{"by id", "10", "ten"},
		{"by schema", "nine", "nine"},
		{"schema names are compared with case", "Nine", ""},
		{"ids are compared as text", "7", ""},
		{"leading zeros are part of an id", "007", "seven"},
		{"ids ignore case", "ABCD-ef", "uuid"},
		{"ids ignore case beyond ASCII", "sTRAßE", "street"},
		{"the lower key wins: by id", "clash_a", "other"},
		{"the lower key wins: by schema", "yy", "zz"},
		{"the lower key wins among ids that differ by case", "k", "kelvin"},
		{"empty finds nothing", "", ""},
		{"much too long finds nothing", strings.Repeat("9", 5000), ""},
		{"no UTF-8 finds nothing", "\xff", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := d.ByReference(c.ref)
			if got.Schema != c.want {
				t.Errorf("got %q, want %q", got.Schema, c.want)
			}
		})
	}
	if got, _ := d.BySchema("kilo"); got.ID != "k" {
		t.Errorf("BySchema: %v", got)
	}
	if got, _ := d.ByID("k"); got.Schema != "kilo" {
		t.Errorf("ByID: %v", got)
	}
	if _, found := d.ByID("abcd-ef"); found {
		t.Error("ByID ignores case")
	}
}

func TestLowerKeyOrdersIntegersByValue(t *testing.T) {
	sorted := []string{"-12", "-3", "0", "3", "007", "12", "18446744073709551616", "a", "b"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := lowerKey(a, b); got != (i < j) {
				t.Errorf("lowerKey(%q, %q) = %v", a, b, got)
			}
		}
	}
}

func TestPrimaryIsTheFirstInLoadOrder(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(State{
		Tenants: []Tenant{tenant("1", "t1"), tenant("2", "t2"), tenant("3", "t3")},
		Domains: []Domain{row("1", "x"), row("1", "!z"), row("1", "!>y/f"), row("2", "q")},
	})
	m, found := d.Primary("1")
	if got := show(m, found); got != "t1 z/ primary" || !m.Ambiguous {
		t.Errorf("got %s, ambiguous %v", got, m.Ambiguous)
	}
	d.Apply([]Change{{Tenant: tenant("1", "t1"), Domains: []Domain{row("1", "x"), row("1", "!z")}}})
	if m, _ := d.Primary("1"); m.Ambiguous {
		t.Error("one primary row is called ambiguous")
	}
	for _, id := range []string{"2", "3", "4", ""} {
		if m, found := d.Primary(id); found {
			t.Errorf("tenant %q has a primary: %v", id, m)
		}
	}
	if got := slices.Collect(d.DomainsOf("1")); len(got) != 2 || got[0].Domain != "z" || got[1].Domain != "x" {
		t.Errorf("DomainsOf: %v", got)
	}
}

func TestBadRowsAreLeftOutAndNamed(t *testing.T) {
	d := NewDirectory(Options{
		CloneReference: "sample",
		Normalize: func(s string) (string, error) {
			if strings.Contains(s, "?") {
				return "", errors.New("bad rune")
			}
			return strings.ToLower(s), nil
		},
	})
	long := strings.Repeat("é", 253)
	report := d.Replace(State{
		Tenants: []Tenant{
			tenant("1", "ok"), tenant("2", "public"), tenant("3", "sample"), tenant("4", "PG_x"), tenant("5", "1a"),
			tenant("6", "a-b"), tenant("7", ""), tenant("8", strings.Repeat("s", 64)), tenant("", "x"),
			tenant("1", "again"), tenant("9", "ok"), tenant("\xff", "y"), tenant(strings.Repeat("9", 256), "z"), tenant("10", "t10"),
		},
		Domains: []Domain{
			row("1", "A.io"), row("10", "a.IO"), row("10", "b.io"), row("1", "b.io"), row("2", "c.io"), row("77", "d.io"),
			row("1", "e?.io"), row("1", long), row("1", long+"é"), row("1", "f/"+long), row("1", "f/"+long+"é"),
		},
	})
	if report.Tenants != 2 || report.Domains != 4 || report.LeftOut != 12+7 || len(report.Problems) != report.LeftOut {
		t.Fatalf("report: %+v", report)
	}
	var text []string
	for _, p := range report.Problems {
		text = append(text, p.String())
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{
		`tenant "2" (schema "public"): the schema public belongs to no tenant`,
		`tenant "3" (schema "sample"): the schema is the clone reference`,
		`tenant "4" (schema "PG_x"): schema names that start with pg_`,
		`tenant "7" (schema ""): expected a schema name, found the empty string`,
		`tenant "1" (schema "again"): another tenant has the same id`,
		`tenant "9" (schema "ok"): another tenant has the same schema`,
		`domain "a.IO" folder "" of tenant "10": another row has the same domain and folder after the domain is normalised`,
		`domain "b.io" folder "" of tenant "1": another row has the same domain and folder`,
		`domain "d.io" folder "" of tenant "77": no tenant has this id`,
		`domain "e?.io" folder "" of tenant "1": cannot normalise the domain: bad rune`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("expected a problem with %s, found:\n%s", want, all)
		}
	}
	if m, _ := d.ByDomain("a.io", ""); m.Tenant.ID != "1" {
		t.Errorf("the first of two equal rows should win: %v", m)
	}
	if s := d.Stats(); s.LeftOut != report.LeftOut || s.Tenants != 2 || s.Domains != 4 || s.Generation != 1 || s.Degraded != "" {
		t.Errorf("stats: %+v", s)
	}
	if !strings.Contains(report.String(), "2 tenants, 4 domains, 19 rows left out; ") {
		t.Errorf("report: %s", report)
	}
}

func TestRowsThatAreLeftOutShiftNoOthers(t *testing.T) {
	s := State{
		Tenants: []Tenant{tenant("1", "one"), tenant("x", "pg_x"), tenant("2", "two"), tenant("1", "taken"), tenant("3", "taken")},
		Domains: []Domain{row("3", "three"), row("2", "two"), row("x", "none"), row("1", "one"), row("3", "one"), row("2", "too")},
	}
	given := State{Tenants: slices.Clone(s.Tenants), Domains: slices.Clone(s.Domains)}
	d := NewDirectory(Options{})
	d.Replace(s)
	if !reflect.DeepEqual(s, given) {
		t.Errorf("Replace changed the given rows to %v", s)
	}
	for domain, want := range map[string]string{"three": "3", "two": "2", "too": "2", "one": "1", "none": ""} {
		if m, _ := d.ByDomain(domain, ""); m.Tenant.ID != want {
			t.Errorf("domain %s: tenant %q, want %q", domain, m.Tenant.ID, want)
		}
	}
	for id, want := range map[string]int{"1": 1, "2": 2, "3": 1} {
		if rows := slices.Collect(d.DomainsOf(id)); len(rows) != want {
			t.Errorf("tenant %s has the rows %v, want %d", id, rows, want)
		}
	}
}

func TestProblemsAreCountedBeyondThoseNamed(t *testing.T) {
	d := NewDirectory(Options{})
	rows := make([]Domain, 5000)
	for i := range rows {
		rows[i] = row("unknown", "d"+strconv.Itoa(i))
	}
	report := d.Replace(State{Domains: rows})
	if report.LeftOut != len(rows) || len(report.Problems) != MaxProblems || report.Problems[0].Domain != "d0" {
		t.Errorf("%d left out, %d listed, first %v", report.LeftOut, len(report.Problems), report.Problems[0])
	}
}

func TestStatsReportWhyTheDirectoryIsDegraded(t *testing.T) {
	d := NewDirectory(Options{})
	if s := d.Stats(); !s.SyncedAt.IsZero() || s.Age != 0 {
		t.Errorf("a new directory: %+v", s)
	}
	d.Replace(State{})
	at := d.Stats().SyncedAt
	d.Degrade("no database")
	if s := d.Stats(); s.Degraded != "no database" || !s.SyncedAt.Equal(at) {
		t.Errorf("degraded: %+v", s)
	}
	d.Confirm()
	if s := d.Stats(); s.Degraded != "" || s.SyncedAt.Before(at) {
		t.Errorf("confirmed: %+v", s)
	}
}
