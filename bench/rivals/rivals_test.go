package rivals_test

import (
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Every rival must decide every request as the native logic does, also from two
// goroutines at once, or their times cannot be compared.
func TestAllRivalsMakeTheSameDecisions(t *testing.T) {
	world, err := table.New(1000)
	if err != nil {
		t.Fatal(err)
	}
	entries := rivals.All()
	want := answers(t, entries[0], world)[0]
	outcomes := map[abi.Outcome]int{}
	for i, a := range want {
		outcomes[a.Outcome]++
		if (a.Outcome == abi.Tenant) != (a.Schema != "") {
			t.Errorf("%+v: expected a schema with a tenant only, found %+v", world.Checks[i], a)
		}
	}
	if outcomes[abi.Tenant] < 80 || outcomes[abi.Missing] == 0 || outcomes[abi.BadRequest] == 0 {
		t.Errorf("expected requests of every kind, found the outcomes %v", outcomes)
	}
	for _, e := range entries[1:] {
		t.Run(e.Name, func(t *testing.T) {
			if e.Missing != "" {
				t.Logf("not available: %s", e.Missing)
				return
			}
			for _, got := range answers(t, e, world) {
				for i, a := range got {
					if a != want[i] {
						t.Errorf("%s %s: found %+v, expected %+v as the native logic", world.Checks[i].Host, world.Checks[i].Target, a, want[i])
					}
				}
			}
		})
	}
}

// answers routes all checks in two workers at the same time.
func answers(t *testing.T, e rivals.Entry, world *table.Table) [2][]rivals.Answer {
	t.Helper()
	ctx := t.Context()
	r, err := e.Start(ctx, world)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all [2][]rivals.Answer
	var wait sync.WaitGroup
	for i := range all {
		w, err := r.Worker()
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			for j := range world.Checks {
				a, err := w.Route(ctx, &world.Checks[j])
				if err != nil {
					t.Error(err)
				}
				all[i] = append(all[i], a)
			}
		})
	}
	wait.Wait()
	return all
}

func TestEveryRequestOfTheTableFindsATenant(t *testing.T) {
	world, err := table.New(1000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rivals.All()[0].Start(t.Context(), world)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Worker()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range world.Hosts {
		q := table.Request(host)
		if a, err := w.Route(t.Context(), &q); err != nil || a.Outcome != abi.Tenant || a.Path != "/orders/42" {
			t.Fatalf("%s: expected a tenant, found %+v, %v", host, a, err)
		}
	}
}
