package tenantdb

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

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

// C5 of the security page: unknown hosts are not cached.
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

// manyRows returns n domains of the given number of tenants.
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
