package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// effect returns how many operands an instruction pops and pushes. It does not apply to
// calls and to instructions that open, close or leave a block.
func effect(op wasm.Opcode) (pops, pushes int) {
	switch {
	case op >= wasm.OpV128Load:
		return vectorEffect(op - wasm.OpV128Load)
	case op >= wasm.OpMemoryInit && op <= wasm.OpTableFill:
		switch op {
		case wasm.OpDataDrop, wasm.OpElemDrop:
			return 0, 0
		case wasm.OpTableSize:
			return 0, 1
		case wasm.OpTableGrow:
			return 2, 1
		}
		return 3, 0
	case op >= wasm.OpI32Load && op < wasm.OpI32Store:
		return 1, 1
	case op >= wasm.OpI32Store && op <= wasm.OpI64Store32:
		return 2, 0
	case isBinary(op):
		return 2, 1
	}
	switch op {
	case wasm.OpNop, wasm.OpUnreachable:
		return 0, 0
	case wasm.OpDrop, wasm.OpLocalSet, wasm.OpGlobalSet, wasm.OpBrIf:
		return 1, 0
	case wasm.OpSelect, wasm.OpSelectT:
		return 3, 1
	case wasm.OpTableSet:
		return 2, 0
	case wasm.OpLocalGet, wasm.OpGlobalGet, wasm.OpMemorySize, wasm.OpI32Const, wasm.OpI64Const, wasm.OpF32Const,
		wasm.OpF64Const, wasm.OpRefNull, wasm.OpRefFunc:
		return 0, 1
	}
	return 1, 1
}

// isBinary reports whether op is a comparison or an arithmetic operation of two numbers.
func isBinary(op wasm.Opcode) bool {
	return op >= 0x46 && op <= 0x4f || op >= 0x51 && op <= 0x66 || op >= 0x6a && op <= 0x78 ||
		op >= 0x7c && op <= 0x8a || op >= 0x92 && op <= 0x98 || op >= 0xa0 && op <= 0xa6
}

// vectorEffect is effect for SIMD instruction n. If an instruction pops more than is
// listed here, the operand stack is overestimated up to the end of the block.
func vectorEffect(n wasm.Opcode) (pops, pushes int) {
	switch {
	case n <= 10, n == 92, n == 93: // loads
		return 1, 1
	case n == 11: // store
		return 2, 0
	case n == 12: // v128.const
		return 0, 1
	case n == 13, n == 14: // shuffle, swizzle
		return 2, 1
	case n >= 15 && n <= 20: // splat
		return 1, 1
	case n == 23, n == 26, n == 28, n == 30, n == 32, n == 34: // replace_lane
		return 2, 1
	case n >= 35 && n <= 76, n >= 78 && n <= 81: // comparisons, and, andnot, or, xor
		return 2, 1
	case n == 82: // bitselect
		return 3, 1
	case n >= 84 && n <= 87: // load_lane
		return 2, 1
	case n >= 88 && n <= 91: // store_lane
		return 2, 0
	case isVectorUnary(n):
		return 1, 1
	case n >= 101:
		return 2, 1
	}
	return 1, 1
}

// isVectorUnary reports whether SIMD instruction n, which is at least 83, pops one
// vector.
func isVectorUnary(n wasm.Opcode) bool {
	switch n {
	case 83, 94, 95, 96, 97, 98, 99, 100, 103, 104, 105, 106, 116, 117, 122, 124, 125, 126, 127, 128, 129, 131, 132, 148,
		135, 136, 137, 138, 160, 161, 163, 164, 167, 168, 169, 170, 192, 193, 195, 196, 199, 200, 201, 202,
		224, 225, 227, 236, 237, 239, 248, 249, 250, 251, 252, 253, 254, 255:
		return true
	}
	return false
}

// isFloat reports whether op uses floating-point numbers or vectors.
func isFloat(op wasm.Opcode) bool {
	return op >= wasm.OpV128Load || op >= 0x2a && op <= 0x2b || op == wasm.OpF32Const || op == wasm.OpF64Const ||
		op >= 0x5b && op <= 0x66 || op >= 0x8b && op <= 0xa6 || op >= 0xb2 && op <= 0xbb || op == 0xbe || op == 0xbf
}
