package tenantdb

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// byDomain is ByDomain without an index.
func byDomain(rows map[domainKey]Domain, domain, folder string) (Domain, bool) {
	row, found := rows[domainKey{domain, folder}]
	if !found {
		row, found = rows[domainKey{domain, ""}]
	}
	return row, found
}

// Few domains have many rows, some only rows with folders, and rows change their
// tenants.
func TestLookupsByFolderAgreeWithAModel(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 12))
		names := 1 + r.IntN(60)
		domain := func() string { return "d" + strconv.Itoa(r.IntN(names)) }
		folders := []string{"", "a", "b", "c" + strconv.Itoa(r.IntN(100))}
		change := func(id string) Change {
			c := Change{Tenant: tenant(id, "s"+id), Removed: r.IntN(5) == 0}
			for range r.IntN(4) {
				c.Domains = append(c.Domains, Domain{
					TenantID: id, Domain: domain(), Folder: folders[r.IntN(len(folders))],
					IsPrimary: r.IntN(2) == 0, RedirectToPrimary: r.IntN(3) == 0,
				})
			}
			return c
		}
		d := NewDirectory(Options{})
		for step := range 250 {
			if r.IntN(50) == 0 {
				var s State
				for id := range 20 {
					c := change(strconv.Itoa(id))
					s.Tenants, s.Domains = append(s.Tenants, c.Tenant), append(s.Domains, c.Domains...)
				}
				d.Replace(s)
			} else {
				d.Apply([]Change{change(strconv.Itoa(r.IntN(20)))})
			}
			rows := map[domainKey]Domain{}
			for row := range d.Domains() {
				rows[domainKey{row.Domain, row.Folder}] = row
			}
			for i := range names + 1 { // one more than there are
				for _, folder := range append(folders, "none") {
					host := "d" + strconv.Itoa(i)
					want, exists := byDomain(rows, host, folder)
					m, found := d.ByDomain(host, folder)
					got := Domain{m.Tenant.ID, m.Domain, m.Folder, m.IsPrimary, m.RedirectToPrimary}
					if found != exists || got != want {
						t.Fatalf("seed %d, step %d: %s/%s: found %v %v, expected %v %v", seed, step, host, folder, got, found, want, exists)
					}
				}
			}
		}
	}
}

func TestADirectoryWithoutFoldersLooksUpNone(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(1000, 10, false))
	d.Apply([]Change{{Tenant: tenant("x", "x"), Domains: []Domain{row("x", "x.test")}}})
	if f := d.state.Load().folders; len(f.bits) != 0 {
		t.Errorf("folders: %d words", len(f.bits))
	}
}

// skipped returns the share of the domains without folders that are not in the filter.
func skipped(d *Directory) float64 {
	skip := 0
	for i := range 10_000 {
		if !d.state.Load().folders.has(d.hash("host-" + strconv.Itoa(i) + ".example.com")) {
			skip++
		}
	}
	return float64(skip) / 10_000
}

func TestFoldersAreFewBitsADomain(t *testing.T) {
	shared := func(domains, rows int) (all []Domain) {
		for i := range rows {
			all = append(all, row("1", "shared"+strconv.Itoa(i%domains)+"/f"+strconv.Itoa(i)))
		}
		return all
	}
	for _, c := range []struct{ domains, rows, words int }{{1, 1, 1}, {1, 5000, 1}, {100, 5000, 64}, {5000, 5000, 2048}} {
		d := NewDirectory(Options{})
		d.Replace(State{Tenants: []Tenant{tenant("1", "t1")}, Domains: shared(c.domains, c.rows)})
		if f := d.state.Load().folders; len(f.bits) > c.words || cap(f.bits) != len(f.bits) {
			t.Errorf("%d rows of %d domains: %d words, capacity %d, expected at most %d", c.rows, c.domains, len(f.bits), cap(f.bits), c.words)
		}
		if s := skipped(d); s < 0.9 {
			t.Errorf("%d rows of %d domains: %.2f of the other domains are skipped", c.rows, c.domains, s)
		}
	}
	d := NewDirectory(Options{})
	for _, r := range shared(3000, 3000) {
		d.Apply([]Change{{Tenant: tenant(r.Domain, "t"+r.Domain), Domains: []Domain{{TenantID: r.Domain, Domain: r.Domain, Folder: r.Folder}}}})
	}
	if s := skipped(d); s < 0.7 {
		t.Errorf("after patches %.2f of the other domains are skipped", s)
	}
	if n := len(slices.Collect(d.Domains())); n != 3000 {
		t.Errorf("%d rows", n)
	}
}
