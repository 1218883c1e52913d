package instance

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Limits bound a guest. Zero fields have their defaults.
type Limits struct {
	Fuel         uint64        // of one call, in units of package meter; default 20,000,000, which lasts 2 to 6 ms
	Deadline     time.Duration // of one call, including waits; default 100 ms. Fuel and Deadline grow by their amount for each MiB of a large event
	Memory       int64         // bytes of one instance; default 64 MiB
	Stack        int           // in frames of 96 bytes (FUEL.md of package meter); default 20,000, for which a function handle keeps less than 4 MB
	Instances    int           // maximum number; default twice GOMAXPROCS
	QueueTimeout time.Duration // longest wait for an instance; default 1 s
	Audit        int           // number of calls after which the state of an instance is compared with the image; default 10,000
}

const (
	// Set-up may take longer than a request: the guest parses its
	// configuration, and a Go guest initializes its packages.
	setupFuel     = 20_000_000_000
	setupDeadline = 30 * time.Second
	// A warm-up call lasts 40 to 120 ms at most.
	warmUpFuel = 20 * defaultFuel

	defaultFuel = 20_000_000

	maxHeaders = abi.MaxAskedHeaders
)

// MaxModule is the size of the largest guest, in bytes of Wasm.
const MaxModule = 64 << 20

// CheckSize fails for a guest larger than MaxModule.
func CheckSize(guest []byte) error {
	if len(guest) > MaxModule {
		return ErrModuleSize
	}
	return nil
}

// ErrModuleSize is the error for a guest larger than MaxModule. It has no size, since
// callers read only one byte more.
var ErrModuleSize = fmt.Errorf("the guest is too large: expected at most %d bytes, found more; strip its debug sections (clang: -Wl,--strip-debug; Rust: strip = true; wasm-tools strip), and get data by queries or files", MaxModule)

// SetDefaults sets the zero fields to their defaults.
func (l *Limits) SetDefaults() {
	l.Fuel = cmp.Or(l.Fuel, defaultFuel)
	l.Deadline = cmp.Or(l.Deadline, 100*time.Millisecond)
	l.Memory = cmp.Or(l.Memory, 64<<20)
	l.Stack = cmp.Or(l.Stack, 20_000)
	l.Instances = cmp.Or(l.Instances, 2*runtime.GOMAXPROCS(0))
	l.QueueTimeout = cmp.Or(l.QueueTimeout, time.Second)
	l.Audit = cmp.Or(l.Audit, 10_000)
}

func (l Limits) withDefaults() (Limits, error) {
	if l.Deadline < 0 || l.Memory < 0 || l.Stack < 0 || l.Instances < 0 || l.QueueTimeout < 0 || l.Audit < 0 {
		return l, fmt.Errorf("limits: expected no negative number, found %+v", l)
	}
	if l.Memory > 4<<30 {
		return l, fmt.Errorf("limits: expected at most 4 GiB of memory, found %d bytes", l.Memory)
	}
	l.SetDefaults()
	return l, nil
}

// Meter returns the metered form in which a program runs the guest. Zero limits have
// their defaults.
func Meter(guest []byte, l Limits) (meter.Result, error) {
	l.SetDefaults()
	return meter.Instrument(guest, l.meter())
}

// meter returns the limits that the rewritten guest enforces.
func (l Limits) meter() meter.Options {
	pages := max(1, l.Memory/wasm.PageSize)
	return meter.Options{MaxMemory: uint32(pages), MaxDepth: uint32(min(l.Stack, 1<<30)), DropData: true, Track: true, Keep: keptExports()}
}
