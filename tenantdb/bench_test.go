package tenantdb

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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
			// The keys are adjacent in the order of the lookups: the host of a
			// request is in the processor's cache when it is looked up.
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

// BenchmarkMemoryFloor measures one random read from as much memory as a million
// rows take: no index that compares its keys is faster.
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
