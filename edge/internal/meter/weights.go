package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// Version is the version of the unit of fuel: of the weights here, of the rules
// by which they are added up, and of what is charged besides. FUEL.md
// documents it. Fuel of different versions does not compare.
const Version = 1

// Weights of instructions that are not 1.
const (
	weightDivide   = 10 // integer division and remainder, float division and root
	weightCall     = 4
	weightIndirect = 8
	weightHost     = 64 // a call of an import
	weightBulk     = 8  // and one unit for each 8 bytes
	weightGrow     = 64 // and 8,192 units for each page

	bulkShift   = 3
	pageShift   = 16 - bulkShift
	smallest    = 16   // units of a stretch that is not worth a charge of its own
	frameLocals = 16   // locals that one more frame is counted for
	frameCode   = 1024 // bytes of code that one more is counted for
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
	case wasm.OpF32Div, wasm.OpF64Div, wasm.OpF32Sqrt, wasm.OpF64Sqrt:
		return weightDivide
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
