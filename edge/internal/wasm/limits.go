package wasm

// Limits on what Decode takes in. Where a number looks odd it is that of the
// WebAssembly JavaScript Interface, section "Implementation-defined limits",
// which every toolchain keeps to.
const (
	maxModule   = 1 << 30
	maxTypes    = 1_000_000
	maxArity    = 1_000 // parameters or results of a function
	maxFuncs    = 1_000_000
	maxImports  = 100_000
	maxExports  = 1_000_000
	maxGlobals  = 1_000_000
	maxTables   = 100_000
	maxSegments = 100_000   // of data, and of elements
	maxElements = 1_000_000 // in one segment, where browsers allow ten times that
	maxBody     = 7_654_321 // bytes of one function
	maxLocals   = 50_000    // of one function, parameters not counted
	maxNesting  = 1 << 16   // blocks within blocks; Go's dispatchers nest thousands
	maxSections = 10_000    // custom ones included
)

// Limits are the bounds of a memory, in pages of 64 KiB, or of a table, in
// elements.
type Limits struct {
	Min    uint32
	Max    uint32 // meaningful if HasMax
	HasMax bool
}

func readLimits(r *reader) Limits {
	at := r.at
	switch flags := r.byte(); flags {
	case 0:
		return Limits{Min: r.u32()}
	case 1:
		return Limits{Min: r.u32(), Max: r.u32(), HasMax: true}
	case 2, 3:
		r.unsupported(at, "limits 0 or 1", "shared memory (threads)")
	case 4, 5, 6, 7:
		r.unsupported(at, "limits 0 or 1", "64-bit limits (memory64)")
	default:
		r.malformedf(at, "limits 0 or 1", "%#x", flags)
	}
	return Limits{}
}

func (l Limits) append(dst []byte) []byte {
	if !l.HasMax {
		return AppendU32(append(dst, 0), l.Min)
	}
	return AppendU32(AppendU32(append(dst, 1), l.Min), l.Max)
}
