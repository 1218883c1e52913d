package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// Names that connect a metered guest with its host. Guests that use a name in
// this space themselves are refused.
const (
	// ImportModule is the module of the one function that is added to the
	// guest's imports.
	ImportModule = "meter"
	// ImportRefill is that function: refill(used i64) -> limit i64.
	ImportRefill = "refill"

	reserved = "meter." // what the names of all added exports start with

	ExportFuel  = reserved + "fuel"  // mutable i64: units used
	ExportLimit = reserved + "limit" // mutable i64: units at which refill is called
	ExportDepth = reserved + "depth" // mutable i32: frames on the stack
	// ExportStart is the function that the guest's start section named; see
	// Result.Start.
	ExportStart = reserved + "start"

	// ExportKept and the name of an export is what Options.Keep makes of it.
	ExportKept = reserved + "kept."

	exportGlobal = reserved + "global." // and the index of one of the guest's own
)

// DefaultSlice is a good amount of fuel to grant at once. A guest runs for 2
// to 8 µs on it, and for less than 5 ms if it does nothing but wait for memory,
// which bounds how long it can hold up Go's garbage collector and how late it
// sees a deadline; most requests need no second one.
const DefaultSlice = 20_000

// Options say what a guest is held to. The zero value is a good choice.
type Options struct {
	// MaxMemory is the most memory that the guest may have, in pages of 64
	// KiB; a lower maximum of its own stays. 0: 1,024 pages, 64 MiB.
	MaxMemory uint32
	// MinMemory raises the guest's initial memory to that many pages, so that
	// an image larger than it fits in at once. 0: as the guest says.
	MinMemory uint32
	// MaxDepth is the deepest stack, in frames; large frames count several
	// times, see FUEL.md. 0: 20,000.
	MaxDepth uint32
	// DropData leaves out the data segments, for instances whose memory is
	// set from an image.
	DropData bool
	// Keep names exports of functions that are wanted a second time, under
	// ExportKept and their name: in a form that puts the guest's mutable globals
	// back to what they were when it was called. It costs no fuel, and does not
	// if the call traps. A guest that has no such globals, or a great many, gets none.
	Keep []string
}

const (
	defaultMaxMemory = 1024
	defaultMaxDepth  = 20_000
	mostMemory       = 1 << 16 // pages: all that 32 bits address
)

func (o Options) withDefaults() Options {
	if o.MaxMemory == 0 {
		o.MaxMemory = defaultMaxMemory
	}
	o.MaxMemory = min(o.MaxMemory, mostMemory)
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultMaxDepth
	}
	return o
}

// Result is a metered guest.
type Result struct {
	Wasm []byte
	// Globals are all mutable globals, the meter's own three first: what must
	// be restored, with the memory, to put the guest back into a former state.
	Globals []Global
	// Start tells that the guest had a start function. Instantiation does not
	// run it any more; the host calls ExportStart, once, with fuel.
	Start bool
	// MinMemory and MaxMemory are the bounds of the guest's memory in pages,
	// both 0 if it has none.
	MinMemory, MaxMemory uint32
	// MaxDepth is the depth above which the guest traps; see ExportDepth.
	MaxDepth uint64
	// Functions, Charges and Checks count what was instrumented, for reports.
	Functions, Charges, Checks int
}

// Global is a mutable global that is exported under a reserved name.
type Global struct {
	Name string
	Type wasm.ValType // I32, I64, F32 or F64
}
