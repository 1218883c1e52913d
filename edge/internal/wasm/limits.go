package wasm

// Limits of Decode. The unusual numbers come from the WebAssembly JavaScript
// Interface, section "Implementation-defined limits", which all toolchains obey.
const (
	maxModule   = 1 << 30
	maxTypes    = 1_000_000
	maxArity    = 1_000 // parameters or results of a function
	maxFuncs    = 1_000_000
	maxImports  = 100_000
	maxExports  = 1_000_000
	maxGlobals  = 1_000_000
	maxTables   = 100_000
	maxSegments = 100_000   // data segments; also element segments
	maxElements = 1_000_000 // in one segment; browsers allow ten times as many
	maxBody     = 7_654_321 // bytes of one function
	maxLocals   = 50_000    // of one function, without parameters
	maxNesting  = 1 << 16   // nested blocks; Go's compiler nests thousands
	maxSections = 10_000    // including custom sections
)

// Limits are the minimum and maximum size of a memory, in pages of 64 KiB, or of a
// table, in elements.
type Limits struct {
	Min    uint32
	Max    uint32 // valid if HasMax
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
		r.unsupported(at, "limits 0 or 1", "shared memory", threads)
	case 4, 5, 6, 7:
		r.unsupported(at, "limits 0 or 1", "64-bit limits", memory64)
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
