package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// Version is the version of the unit of fuel: of the weights and of all rules of
// charging. FUEL.md documents it. Fuel of different versions is not comparable.
const Version = 2

// Weights of instructions that are not 1.
const (
	weightDivide   = 10 // integer division and remainder, float division and root
	weightCall     = 4
	weightIndirect = 8
	weightHost     = 64 // a call of an import, and what the engine implements in Go
	weightBulk     = 8  // and one unit for each 8 bytes
	weightGrow     = 64 // and 8,192 units for each page

	bulkShift = 3
	pageShift = 16 - bulkShift
	moveShift = 3    // 8 values that are moved at a join are one unit
	smallest  = 16   // maximum weight of a stretch that is charged with another
	longest   = 4096 // maximum units of straight code between two checks
	afterCall = 64   // maximum units between a call and the next check

	frameBytes = 96   // bytes of the engine's stack that count as one frame
	frameBase  = 72   // bytes of every frame: two addresses, and saved registers
	frameFloat = 128  // bytes of further saved registers, of a function with floating point
	largeLeaf  = 4096 // bytes above which the frame of a function without calls counts
)

// weight returns the weight of an instruction. imports is the number of imported
// functions.
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

// passing returns the weight of the parameters and results of a call of type t.
func passing(t wasm.Type) uint64 { return uint64(len(t.Params)+len(t.Results)) >> moveShift }
