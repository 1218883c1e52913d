package guests

import (
	"context"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/soak"
)

// The memory of an idle instance that has served a request.
func TestAFurtherInstanceTakesLittleMemory(t *testing.T) {
	const instances = 65
	set := newRouterSet(t, func(c *Config) { c.Limits.Instances = instances })
	ctx := context.Background()
	q := Request{Method: "GET", Scheme: "http", Host: "t1.example.com", Target: "/orders/42?page=2"}
	g := set.Current()
	useAll := func() { // at the same time, so that each instance exists and serves
		all := make([]*instance.Instance, instances)
		for n := range all {
			var err error
			if all[n], err = g.program.Borrow(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range all {
			var d Decision
			if _, err := g.decide(ctx, i, &q, &d); err != nil || d.Tenant.Schema != "t1" {
				t.Fatal(d, err)
			}
		}
	}
	var d Decision
	if err := set.Route(ctx, &q, &d); err != nil || d.Tenant.Schema != "t1" {
		t.Fatal(d, err)
	}
	before, known := soak.Measure()
	if !known {
		t.Log("this system does not report a process's memory and files")
		return
	}
	first := set.Stats().Current.Instances
	for range 3 {
		useAll()
	}
	after, _ := soak.Measure()
	more := uint64(set.Stats().Current.Instances - first)
	if more < instances/2 {
		t.Fatalf("%d additional instances were created: expected at least half of %d", more, instances)
	}
	each := func(a, b uint64) uint64 { return (a - min(a, b)) / more >> 10 }
	t.Logf("an additional instance takes %d KB of memory (%d KB if shared pages are counted for each instance) and %d files",
		each(after.Proportional, before.Proportional), each(after.Resident, before.Resident), (after.Files-before.Files)/int(more))
	soak.Figures(t, "instance", map[string]uint64{
		"ProportionalKB": each(after.Proportional, before.Proportional), "ResidentKB": each(after.Resident, before.Resident), "Instances": more,
	})
}
