package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// Names that connect a metered guest with its host. Guests that use such a name are
// refused.
const (
	// ImportModule is the module of the function that is added to the guest's
	// imports.
	ImportModule = "meter"
	// ImportRefill is that function: refill(used i64) -> limit i64.
	ImportRefill = "refill"

	reserved = "meter." // prefix of all added exports

	ExportFuel  = reserved + "fuel"  // mutable i64: units used
	ExportLimit = reserved + "limit" // mutable i64: units at which refill is called
	ExportDepth = reserved + "depth" // mutable i32: frames on the stack
	// ExportStart is the function that the guest's start section named; see
	// Result.Start.
	ExportStart = reserved + "start"

	// ExportKept and the name of an export is the name of its variant by
	// Options.Keep.
	ExportKept = reserved + "kept."

	exportGlobal = reserved + "global." // and the index of a global of the guest
)

// DefaultSlice is a suitable amount of fuel to grant at once. A guest runs for 2 to 8
// µs on it, and for less than 5 ms if it only waits for memory. This bounds how long
// it can delay Go's garbage collector and the check of a deadline. Most requests need
// one slice.
const DefaultSlice = 20_000

// Options are the limits of a guest. The zero value has suitable defaults.
type Options struct {
	// MaxMemory is the maximum size of the guest's memory, in pages of 64 KiB. A
	// lower maximum in the module stays. 0: 1,024 pages, 64 MiB.
	MaxMemory uint32
	// MinMemory raises the guest's initial memory to this number of pages, so that a
	// larger image fits. 0: as in the module.
	MinMemory uint32
	// MaxDepth is the maximum depth of the stack, in frames. Large frames count
	// several times; see FUEL.md. 0: 20,000.
	MaxDepth uint32
	// DropData removes the data segments, for instances whose memory is an image.
	DropData bool
	// Keep names exported functions of which the metered guest exports a variant too,
	// under ExportKept and their name. The variant restores the guest's mutable
	// globals when the call returns, but not when it traps. It costs no additional
	// fuel. A guest without such globals, or with more than 64, has no variants.
	Keep []string
}

const (
	defaultMaxMemory = 1024
	defaultMaxDepth  = 20_000
	addressable      = 1 << 16 // pages: all that 32 bits address
)

func (o Options) withDefaults() Options {
	if o.MaxMemory == 0 {
		o.MaxMemory = defaultMaxMemory
	}
	o.MaxMemory = min(o.MaxMemory, addressable)
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultMaxDepth
	}
	return o
}

// Result is a metered guest.
type Result struct {
	Wasm []byte
	// Globals are all mutable globals, the meter's own three first. They and the
	// memory must be restored to reset the guest.
	Globals []Global
	// Start reports whether the guest has a start function. Instantiation does not run
	// it; the host calls ExportStart once, with fuel.
	Start bool
	// MinMemory and MaxMemory are the bounds of the guest's memory, in pages; 0 if it
	// has none.
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
