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

	// MarkModule is the module of a second such function, with Options.Track. It may be
	// another one for each instance.
	MarkModule = "meter.mark"
	// ImportMark is that function: mark(address i32, n i32). See Options.Track.
	ImportMark = "mark"

	reserved = "meter." // prefix of all added exports

	ExportFuel  = reserved + "fuel"  // mutable i64: units used
	ExportLimit = reserved + "limit" // mutable i64: units at which refill is called
	ExportDepth = reserved + "depth" // mutable i32: frames on the stack
	// ExportLow and ExportHigh are the range of addresses that the guest has written
	// without a call of ImportMark yet, mutable i32: from low up to, not including, high.
	ExportLow, ExportHigh = reserved + "low", reserved + "high"
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
	// Track makes the guest report the memory that it writes. Before it writes, it calls
	// ImportMark with a range that contains the bytes, unless it has already reported
	// them since the host last set the windows (Result.Globals) to their Value. The
	// range may extend beyond the memory, and, modulo 2^32, continue at address 0. Track
	// changes neither the fuel of calls nor their results.
	Track bool
	// Keep names exported functions of which the metered guest exports a variant too,
	// under ExportKept and their name. The variant restores the guest's mutable
	// globals when the call returns, but not when it traps. It costs no additional
	// fuel. A guest without such globals, or with more than 64, has no variants.
	Keep []string
}

// Always is the number of bytes at the beginning of memory that count as written, even
// if the guest has not marked them. See Options.Track.
const Always = maxRange

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
	if o.Track {
		o.MaxMemory = min(o.MaxMemory, addressable-1) // the last page has the empty window
	}
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
	Functions, Charges, Checks, Touches int
}

// Global is a mutable global that is exported under a reserved name.
type Global struct {
	Name string
	Type wasm.ValType // I32, I64, F32 or F64
	// Window means that it belongs to the meter, and must have Value before a call. See
	// Options.Track.
	Window bool
	Value  uint64
}
