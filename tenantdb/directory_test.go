package tenantdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func tenant(id, schema string, attributes ...string) Tenant {
	t := Tenant{ID: id, Schema: schema}
	for i := 0; i < len(attributes); i += 2 {
		t.Attributes = append(t.Attributes, Attribute{attributes[i], attributes[i+1]})
	}
	return t
}

// row reads "domain/folder", with ! for primary and > for redirect in front.
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
	if report.Refused != 0 || report.Tenants != 2 || report.Domains != 5 {
		t.Fatalf("report: %v", report)
	}
	for _, c := range []struct{ name, domain, folder, want string }{
		{"the row with the folder wins", "a.io", "two", "t2 a.io/two"},
		{"an unknown folder falls to the row without one", "a.io", "three", "t1 a.io/ primary"},
		{"no folder finds the row without one", "a.io", "", "t1 a.io/ primary"},
		{"folders are compared with case", "a.io", "TWO", "t1 a.io/ primary"},
		{"domains are compared as they are", "A.io", "", "none"},
		{"a host that has folders alone is not found without", "b.io", "", "none"},
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
	if report.Tenants != 2 || report.Domains != 4 || report.Refused != 12+7 || len(report.Problems) != report.Refused {
		t.Fatalf("report: %+v", report)
	}
	var text []string
	for _, p := range report.Problems {
		text = append(text, p.String())
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{
		`tenant "2" (schema "public"): the schema public is never a tenant's`,
		`tenant "3" (schema "sample"): the schema is the clone reference`,
		`tenant "4" (schema "PG_x"): schema names that start with pg_`,
		`tenant "7" (schema ""): the schema name is empty`,
		`tenant "1" (schema "again"): another tenant has this id`,
		`tenant "9" (schema "ok"): another tenant has this schema`,
		`domain "a.IO" folder "" of tenant "10": another row has this domain and folder already, once the domain is normalised`,
		`domain "b.io" folder "" of tenant "1": another row has this domain and folder already`,
		`domain "d.io" folder "" of tenant "77": no tenant has this id`,
		`domain "e?.io" folder "" of tenant "1": the domain cannot be normalised: bad rune`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no problem says %s in:\n%s", want, all)
		}
	}
	if m, _ := d.ByDomain("a.io", ""); m.Tenant.ID != "1" {
		t.Errorf("the first of two equal rows should win: %v", m)
	}
	if s := d.Stats(); s.Refused != report.Refused || s.Tenants != 2 || s.Domains != 4 || s.Generation != 1 || s.Degraded != "" {
		t.Errorf("stats: %+v", s)
	}
	if !strings.Contains(report.String(), "2 tenants, 4 domains, 19 rows left out; ") {
		t.Errorf("report: %s", report)
	}
}

func TestProblemsAreCountedBeyondThoseNamed(t *testing.T) {
	d := NewDirectory(Options{})
	rows := make([]Domain, 5000)
	for i := range rows {
		rows[i] = row("nobody", "d"+strconv.Itoa(i))
	}
	report := d.Replace(State{Domains: rows})
	if report.Refused != len(rows) || len(report.Problems) != MaxProblems || report.Problems[0].Domain != "d0" {
		t.Errorf("refused %d, named %d, first %v", report.Refused, len(report.Problems), report.Problems[0])
	}
}

func TestStatsTellWhyTheDirectoryIsBehind(t *testing.T) {
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

func TestLookupsAllocateNothing(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(5000, 1000, true))
	long := strings.Repeat("é", 100)
	allocs := testing.AllocsPerRun(1000, func() {
		d.ByDomain("host-42.example.com", "shop")
		d.ByDomain("nowhere", "x")
		d.ByReference("17")
		d.ByReference(long)
		d.BySchema("tenant_17")
		d.Primary("17")
		d.ByID("17")
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// C5 of the security page: there is no cache of what does not exist.
func TestAFloodOfUnknownHostsKeepsMemoryFlat(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(1000, 1000, false))
	before := heap()
	for i := range 200_000 {
		host := "unknown-" + strconv.Itoa(i) + ".example.com"
		if _, found := d.ByDomain(host, "x"); found {
			t.Fatal("found")
		}
		d.ByReference(host)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<18 {
		t.Errorf("memory grew by %d bytes", grown)
	}
	runtime.KeepAlive(d)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// manyRows makes n domains of as many tenants as told.
func manyRows(n, tenants int, attributes bool) State {
	s := State{Tenants: make([]Tenant, tenants), Domains: make([]Domain, n)}
	for i := range s.Tenants {
		s.Tenants[i] = Tenant{ID: strconv.Itoa(i), Schema: "tenant_" + strconv.Itoa(i)}
		if attributes {
			s.Tenants[i].Attributes = []Attribute{{"schema_pathname", "p" + strconv.Itoa(i)}}
		}
	}
	for i := range s.Domains {
		s.Domains[i] = Domain{
			TenantID: s.Tenants[i%tenants].ID, Domain: "host-" + strconv.Itoa(i) + ".example.com",
			IsPrimary: i < tenants, RedirectToPrimary: i%3 == 1 && i >= tenants,
		}
	}
	return s
}

func textOf(s State) int {
	n := 0
	for _, t := range s.Tenants {
		n += len(t.ID) + len(t.Schema)
		for _, a := range t.Attributes {
			n += len(a.Value)
		}
	}
	for _, d := range s.Domains {
		n += len(d.Domain) + len(d.Folder)
	}
	return n
}

func TestADomainCostsAtMost200BytesBeyondItsText(t *testing.T) {
	for _, c := range []struct {
		name       string
		n, tenants int
		attributes bool
	}{
		{"a tenant for every domain", 100_000, 100_000, false},
		{"ten domains a tenant", 100_000, 10_000, false},
		{"ten domains a tenant, with an attribute", 100_000, 10_000, true},
		{"one tenant for all", 100_000, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := manyRows(c.n, c.tenants, c.attributes)
			text := textOf(s)
			before := heap()
			d := NewDirectory(Options{})
			d.Replace(s)
			used := float64(heap()-before-uint64(text)) / float64(c.n)
			t.Logf("%.0f bytes a domain beyond its text", used)
			if used > 200 {
				t.Errorf("%.0f bytes a domain", used)
			}
			runtime.KeepAlive(d)
			runtime.KeepAlive(s)
		})
	}
}

func TestPatchesDoNotKeepOldGenerationsAlive(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(4_000, 4_000, true))
	before := heap()
	for i := range 4_000 {
		id := strconv.Itoa(i)
		d.Apply([]Change{{Tenant: tenant(id, "tenant_"+id, "schema_pathname", "q"+id), Domains: []Domain{row(id, "!new-"+id)}}})
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
	runtime.KeepAlive(d)
}

func TestLookupsRaceWithWriters(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(2000, 200, true))
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Tenant 7's three rows change together: all are seen or none.
				for range d.DomainsOf("7") {
				}
				if m, found := d.ByDomain("host-8.example.com", ""); !found || m.Tenant.Schema != "tenant_8" {
					t.Error("a tenant that nobody touched was lost")
					return
				}
				d.ByReference("7")
				d.Stats()
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := range 100 {
				switch {
				case w == 0 && i%50 == 49:
					d.Replace(manyRows(2000, 200, true))
				case i%2 == 0:
					d.Apply([]Change{{Tenant: Tenant{ID: "7"}, Removed: true}})
				default:
					d.Apply([]Change{{Tenant: tenant("7", "tenant_7"), Domains: []Domain{row("7", fmt.Sprintf("!x%d", i)), row("7", "y")}}})
				}
				d.Degrade("test")
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func TestAGenerationIsSeenAsAWhole(t *testing.T) {
	d := NewDirectory(Options{})
	set := func(schema string) {
		var rows []Domain
		for i := range 50 {
			rows = append(rows, row("1", "d"+strconv.Itoa(i)))
		}
		d.Apply([]Change{{Tenant: tenant("1", schema), Domains: rows}})
	}
	set("a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			set("b")
			set("a")
		}
	}()
	for {
		n := 0
		for range d.DomainsOf("1") {
			n++
		}
		if n != 50 {
			t.Fatalf("saw %d of 50 rows", n)
		}
		_, a := d.BySchema("a")
		select {
		case <-done:
			if !a {
				if _, a = d.BySchema("a"); !a {
					t.Error("the last state is not there")
				}
			}
			return
		default:
		}
	}
}

// sink keeps benchmarks from being optimised away.
var sink int

func BenchmarkByDomain(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		d := NewDirectory(Options{})
		d.Replace(manyRows(n, max(1, n/10), false))
		r := rand.New(rand.NewPCG(1, 2))
		zipf := rand.NewZipf(r, 1.2, 8, uint64(n-1))
		for _, c := range []struct {
			name string
			pick func() int
		}{
			{"random", func() int { return r.IntN(n) }},
			{"hotset", func() int { return int(zipf.Uint64()) }},
		} {
			// The keys lie side by side in the order of the lookups, as a
			// request's host is in the cache when it is looked up.
			const keys = 1 << 16
			var text strings.Builder
			ends := make([]int, keys)
			for i := range keys {
				text.WriteString("host-" + strconv.Itoa(c.pick()) + ".example.com")
				ends[i] = text.Len()
			}
			all := text.String()
			for _, folder := range []string{"", "api"} {
				b.Run(fmt.Sprintf("%s/%d/folder=%s", c.name, n, folder), func(b *testing.B) {
					b.ReportAllocs()
					i, from := 0, 0
					for b.Loop() {
						m, _ := d.ByDomain(all[from:ends[i]], folder)
						sink += len(m.Tenant.Schema)
						from = ends[i]
						if i++; i == keys {
							i, from = 0, 0
						}
					}
				})
			}
		}
	}
}

func BenchmarkByReference(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		d := NewDirectory(Options{})
		d.Replace(manyRows(n, n, false))
		r := rand.New(rand.NewPCG(1, 2))
		refs := make([]string, 1<<12)
		for i := range refs {
			refs[i] = strconv.Itoa(r.IntN(n))
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				t, _ := d.ByReference(refs[i%len(refs)])
				sink += len(t.Schema)
				i++
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	for _, tenants := range []int{1_000_000, 100_000} {
		b.Run(fmt.Sprintf("1000000domains/%dtenants", tenants), func(b *testing.B) {
			s := manyRows(1_000_000, tenants, false)
			d := NewDirectory(Options{})
			for b.Loop() {
				d.Replace(s)
			}
		})
	}
}

func BenchmarkApplyOneRow(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			d := NewDirectory(Options{})
			d.Replace(manyRows(n, n/10, false))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				id := strconv.Itoa(i % (n / 10))
				c := Change{Tenant: tenant(id, "tenant_"+id)}
				c.Domains = slices.Collect(d.DomainsOf(id))
				c.Domains[len(c.Domains)-1].RedirectToPrimary = i%2 == 0
				d.Apply([]Change{c})
				i++
			}
		})
	}
}

// What one read of a random place in as much memory as a million rows take
// costs on the machine at hand: no index that compares its keys is faster.
func BenchmarkMemoryFloor(b *testing.B) {
	memory := make([]byte, 128<<20)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = byte(i >> 12)
	}
	at := uint64(1)
	for b.Loop() {
		at = at*6364136223846793005 + uint64(memory[at>>37]) + 1442695040888963407
	}
	sink += int(at)
}

// A tenth of a percent of the domains gets 99 percent of the lookups.
func BenchmarkByDomainFewAreBusy(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		d := NewDirectory(Options{})
		d.Replace(manyRows(n, max(1, n/10), false))
		r := rand.New(rand.NewPCG(3, 4))
		busy := make([]int, 1000)
		for i := range busy {
			busy[i] = r.IntN(n)
		}
		const keys = 1 << 14
		var text strings.Builder
		ends := make([]int, keys)
		for i := range keys {
			k := busy[r.IntN(len(busy))]
			if r.IntN(100) == 0 {
				k = r.IntN(n)
			}
			text.WriteString("host-" + strconv.Itoa(k) + ".example.com")
			ends[i] = text.Len()
		}
		all := text.String()
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			i, from := 0, 0
			for b.Loop() {
				m, _ := d.ByDomain(all[from:ends[i]], "")
				sink += len(m.Tenant.Schema)
				from = ends[i]
				if i++; i == keys {
					i, from = 0, 0
				}
			}
		})
	}
}
