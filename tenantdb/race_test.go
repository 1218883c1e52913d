package tenantdb

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
)

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
				// Tenant 7 changes all the time.
				for range d.DomainsOf("7") {
				}
				if m, found := d.ByDomain("host-8.example.com", "shop"); !found || m.Tenant.Schema != "tenant_8" {
					t.Error("an unchanged tenant was lost")
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
					d.Apply([]Change{{Tenant: tenant("7", "tenant_7"), Domains: []Domain{row("7", fmt.Sprintf("!x%d", i)), row("7", "host-8.example.com/f"+strconv.Itoa(i))}}})
				}
				d.Degrade("test")
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func TestAGenerationIsSeenCompletely(t *testing.T) {
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

func TestEveryChangeClosesTheChannelOfThePreviousState(t *testing.T) {
	d := NewDirectory(Options{})
	const writes = 500
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			// A reader may skip states, and must not miss the last one.
			for {
				changed := d.Changed()
				if d.Stats().Generation == writes {
					return
				}
				<-changed
			}
		})
	}
	for i := range writes {
		if i%2 == 0 {
			d.Replace(State{})
		} else {
			d.Apply(nil)
		}
	}
	readers.Wait()

	changed := d.Changed()
	d.Degrade("no change of rows")
	d.Confirm()
	select {
	case <-changed:
		t.Error("the channel is closed, expected it to be open until rows change")
	default:
	}
	if n := testing.AllocsPerRun(100, func() { d.Changed() }); n != 0 {
		t.Errorf("Changed allocates %v times, expected 0", n)
	}
}
