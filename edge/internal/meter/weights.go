package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// Version is the version of the unit of fuel: of the weights here, of the rules
// by which they are added up, and of what is charged besides. FUEL.md
// documents it. Fuel of different versions does not compare.
const Version = 2

// Weights of instructions that are not 1.
const (
	weightDivide   = 10 // integer division and remainder, float division and root
	weightCall     = 4
	weightIndirect = 8
	weightHost     = 64 // a call of an import, and what the engine leaves to its host
	weightBulk     = 8  // and one unit for each 8 bytes
	weightGrow     = 64 // and 8,192 units for each page

	bulkShift = 3
	pageShift = 16 - bulkShift
	moveShift = 3    // values that are moved where ways meet, for one unit
	smallest  = 16   // units of a stretch that is not worth a charge of its own
	longest   = 4096 // units of straight code between two looks
	afterCall = 64   // of which so many may follow a call

	frameBytes = 96   // of the engine's stack, for one frame
	frameBase  = 72   // bytes that each frame has: two addresses, and registers of its caller's
	frameFloat = 128  // and more of those, of a function that has to do with floating point
	largeLeaf  = 4096 // bytes of a frame that counts even if it calls nothing
)

// weight returns what an instruction costs; imports is the number of functions
// that are imported.
func weight(in *wasm.Instruction, imports uint32) uint64 {
	switch op := in.Op; op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpElse, wasm.OpEnd, wasm.OpNop:
		return 0
	case wasm.OpCall:
		if in.Index < imports {
			return weightHost
		}
		return weightCall
	case wasm.OpCallIndirect:
		return weightIndirect
	case wasm.OpF32Div, wasm.OpF64Div, wasm.OpF32Sqrt, wasm.OpF64Sqrt,
		wasm.OpF32x4Div, wasm.OpF64x2Div, wasm.OpF32x4Sqrt, wasm.OpF64x2Sqrt:
		return weightDivide
	case wasm.OpRefFunc:
		return weightHost
	case wasm.OpMemoryGrow:
		return weightGrow
	case wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
		return weightBulk
	default:
		if op >= wasm.OpI32DivS && op <= wasm.OpI32RemU || op >= wasm.OpI64DivS && op <= wasm.OpI64RemU {
			return weightDivide
		}
		return 1
	}
}

// passing returns what the values weigh that a call of type t passes.
func passing(t wasm.Type) uint64 { return uint64(len(t.Params)+len(t.Results)) >> moveShift }
