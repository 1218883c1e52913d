package instance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// A sleep during set-up only advances the guest's clock: it takes no time and
// hardly any fuel, so the image is the same on all machines. In a request the guest
// sleeps, until the deadline of its call at most, and the fuel does not depend on
// the machine.
func TestAGuestSleepsAtThePriceOfACall_D6(t *testing.T) {
	p, err := NewProgram(context.Background(), Options{
		Wasm: wasmtest.Sleeper(t), Bind: bindNoTenants, Config: []byte(`{"abi":1}`), CompileCache: compileCache,
		Limits: Limits{Instances: 1, Deadline: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := p.Configured().Version; got != "1m12s" {
		t.Errorf("by the guest's clock, initialization and configuration took %s, want 1m12s", got)
	}
	if p.slept != 3*36*time.Second {
		t.Errorf("the clock of the image was advanced by %v, want 1m48s", p.slept)
	}
	for _, c := range []struct {
		host     string
		frozen   bool // as during set-up
		deadline time.Duration
		want     stats.Trap
	}{
		{"36s", true, time.Minute, ""},
		{"1ms", false, time.Minute, ""},
		{"100ms", false, time.Minute, ""},
		{"1h", false, time.Second, stats.TrapDeadline},
	} {
		p.limits.Deadline = c.deadline
		i, err := p.Borrow(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		i.call.Frozen = c.frozen
		err = i.Call(context.Background(), Route, func(buf []byte) int {
			b := abi.Begin(buf, 0, abi.ReqHeader0)
			b.Put(abi.ReqHost, c.host)
			return b.Size()
		}, func(abi.Message) error { return nil })
		i.call.Frozen, i.call.Slept = false, p.slept
		var trap *Trap
		if errors.As(err, &trap); err != nil && c.want == "" || c.want != "" && (trap == nil || trap.Reason != c.want) {
			t.Errorf("a call that sleeps for %s ended with %v, want %q", c.host, err, c.want)
		}
		t.Logf("a call that sleeps for %s used %d units", c.host, i.Fuel())
		if i.Fuel() > 2_000_000 {
			t.Errorf("a call that sleeps for %s used %d units, want less than 2,000,000", c.host, i.Fuel())
		}
		p.Return(i)
	}
}
