package instance

import (
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Limits are what a guest is held to. A field that is zero has its default.
type Limits struct {
	Fuel         uint64        // units of package meter for one call; default 20,000,000, which is 2 to 6 ms
	Deadline     time.Duration // for one call, with what it waits for; default 100 ms. Of both, as much again for each MiB of a long event
	Memory       int64         // bytes of one instance; default 64 MiB
	Stack        int           // frames of 96 bytes (meter's FUEL.md); default 20,000, with which a handle keeps less than 4 MB
	Instances    int           // most at once; default twice GOMAXPROCS
	QueueTimeout time.Duration // longest wait for one; default 1 s
	Audit        int           // after so many calls of an instance its state is compared with the image; default 10,000
}

const (
	// A guest may take longer to start than to answer: it parses its
	// configuration, and a Go guest initialises its packages.
	setupFuel     = 20_000_000_000
	setupDeadline = 30 * time.Second
	// A call that warms it up ends after 40 to 120 ms.
	warmUpFuel = 20 * defaultFuel

	defaultFuel = 20_000_000

	maxHeaders = abi.MaxAskedHeaders
)

// MaxModule is the size of the largest guest, in bytes of Wasm.
const MaxModule = 64 << 20

// CheckSize refuses a guest that is larger, before anybody works on it.
func CheckSize(guest []byte) error {
	if len(guest) > MaxModule {
		return fmt.Errorf("the guest has %d bytes: expected at most %d", len(guest), MaxModule)
	}
	return nil
}

func (l Limits) withDefaults() (Limits, error) {
	if l.Deadline < 0 || l.Memory < 0 || l.Stack < 0 || l.Instances < 0 || l.QueueTimeout < 0 || l.Audit < 0 {
		return l, fmt.Errorf("limits: expected no negative number, found %+v", l)
	}
	if l.Memory > 4<<30 {
		return l, fmt.Errorf("limits: expected at most 4 GiB of memory, found %d bytes", l.Memory)
	}
	if l.Fuel == 0 {
		l.Fuel = defaultFuel
	}
	if l.Deadline == 0 {
		l.Deadline = 100 * time.Millisecond
	}
	if l.Memory == 0 {
		l.Memory = 64 << 20
	}
	if l.Stack == 0 {
		l.Stack = 20_000
	}
	if l.Instances == 0 {
		l.Instances = 2 * runtime.GOMAXPROCS(0)
	}
	if l.QueueTimeout == 0 {
		l.QueueTimeout = time.Second
	}
	if l.Audit == 0 {
		l.Audit = 10_000
	}
	return l, nil
}

// meter is what of the limits the rewritten guest holds itself to.
func (l Limits) meter() meter.Options {
	pages := max(1, l.Memory/wasm.PageSize)
	return meter.Options{MaxMemory: uint32(pages), MaxDepth: uint32(min(l.Stack, 1<<30)), DropData: true, Keep: keptExports()}
}
