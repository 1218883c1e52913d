package wasm

// Opcode is an opcode. With a prefix byte it is prefix<<12 | number.
type Opcode uint32

const (
	prefixMisc   Opcode = 0xfc
	prefixSIMD   Opcode = 0xfd
	prefixAtomic Opcode = 0xfe
	prefixGC     Opcode = 0xfb

	misc = prefixMisc << 12
	simd = prefixSIMD << 12
)

// Opcodes that a rewriter uses. Others have the number of the specification.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11
	OpDrop         Opcode = 0x1a
	OpSelect       Opcode = 0x1b
	OpSelectT      Opcode = 0x1c
	OpLocalGet     Opcode = 0x20
	OpLocalSet     Opcode = 0x21
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpTableGet     Opcode = 0x25
	OpTableSet     Opcode = 0x26
	OpI32Load      Opcode = 0x28
	OpI32Store     Opcode = 0x36
	OpI64Store     Opcode = 0x37
	OpF32Store     Opcode = 0x38
	OpF64Store     Opcode = 0x39
	OpI32Store8    Opcode = 0x3a
	OpI32Store16   Opcode = 0x3b
	OpI64Store8    Opcode = 0x3c
	OpI64Store16   Opcode = 0x3d
	OpI64Store32   Opcode = 0x3e
	OpMemorySize   Opcode = 0x3f
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	OpF32Const     Opcode = 0x43
	OpF64Const     Opcode = 0x44
	OpI32LtU       Opcode = 0x49
	OpI32GtU       Opcode = 0x4b
	OpI32LeU       Opcode = 0x4d
	OpI64LtU       Opcode = 0x54
	OpI64GtU       Opcode = 0x56
	OpI64LeU       Opcode = 0x58
	OpI64GeU       Opcode = 0x5a
	OpI32Add       Opcode = 0x6a
	OpI32Sub       Opcode = 0x6b
	OpI32DivS      Opcode = 0x6d
	OpI32RemU      Opcode = 0x70
	OpI32And       Opcode = 0x71
	OpI64Add       Opcode = 0x7c
	OpI64Sub       Opcode = 0x7d
	OpI64DivS      Opcode = 0x7f
	OpI64RemU      Opcode = 0x82
	OpI64Shl       Opcode = 0x86
	OpI64ShrU      Opcode = 0x88
	OpF32Sqrt      Opcode = 0x91
	OpF32Div       Opcode = 0x95
	OpF64Sqrt      Opcode = 0x9f
	OpF64Div       Opcode = 0xa3
	OpI32WrapI64   Opcode = 0xa7
	OpI64ExtendS   Opcode = 0xac
	OpI64ExtendU   Opcode = 0xad
	OpRefNull      Opcode = 0xd0
	OpRefIsNull    Opcode = 0xd1
	OpRefFunc      Opcode = 0xd2
	OpMemoryInit   Opcode = misc | 8
	OpDataDrop     Opcode = misc | 9
	OpMemoryCopy   Opcode = misc | 10
	OpMemoryFill   Opcode = misc | 11
	OpTableInit    Opcode = misc | 12
	OpElemDrop     Opcode = misc | 13
	OpTableCopy    Opcode = misc | 14
	OpTableGrow    Opcode = misc | 15
	OpTableSize    Opcode = misc | 16
	OpTableFill    Opcode = misc | 17
	OpV128Load     Opcode = simd
	OpV128Store    Opcode = simd | 11
	OpV128Const    Opcode = simd | 12
	OpV128Store8   Opcode = simd | 88
	OpV128Store64  Opcode = simd | 91
	OpF32x4Sqrt    Opcode = simd | 227
	OpF32x4Div     Opcode = simd | 231
	OpF64x2Sqrt    Opcode = simd | 239
	OpF64x2Div     Opcode = simd | 243
)

// immediate is the layout of an instruction's immediates.
type immediate uint8

const (
	immUnknown immediate = iota // no instruction of core Wasm 2.0
	immNone
	immBlock   // block type
	immIndex   // one index: label, function, local, global, table
	immIndex2  // two: type and table, segment and table
	immLabels  // a list of labels, and the default
	immTypes   // a list of one type
	immRef     // one reference type
	immMemArg  // alignment and offset
	immMemory  // memory 0, a zero byte
	immMemory2 // the same twice
	immInit    // data segment and memory
	immI32
	immI64
	imm4  // bytes
	imm8  // bytes
	imm16 // bytes
	immLane
	immMemLane // alignment, offset and lane
)

// immediates has the layout for every opcode of one byte.
var immediates = func() (t [256]immediate) {
	set := func(first, last Opcode, imm immediate) {
		for op := first; op <= last; op++ {
			t[op] = imm
		}
	}
	set(OpUnreachable, OpNop, immNone)
	set(OpBlock, OpIf, immBlock)
	set(OpElse, OpElse, immNone)
	set(OpEnd, OpEnd, immNone)
	set(OpBr, OpBrIf, immIndex)
	set(OpBrTable, OpBrTable, immLabels)
	set(OpReturn, OpReturn, immNone)
	set(OpCall, OpCall, immIndex)
	set(OpCallIndirect, OpCallIndirect, immIndex2)
	set(OpDrop, OpSelect, immNone)
	set(OpSelectT, OpSelectT, immTypes)
	set(OpLocalGet, OpTableSet, immIndex)
	set(OpI32Load, OpI64Store32, immMemArg)
	set(OpMemorySize, OpMemoryGrow, immMemory)
	set(OpI32Const, OpI32Const, immI32)
	set(OpI64Const, OpI64Const, immI64)
	set(OpF32Const, OpF32Const, imm4)
	set(OpF64Const, OpF64Const, imm8)
	set(0x45, 0xc4, immNone) // comparisons, arithmetic, conversions, sign extension
	set(OpRefNull, OpRefNull, immRef)
	set(OpRefIsNull, OpRefIsNull, immNone)
	set(OpRefFunc, OpRefFunc, immIndex)
	return t
}()

// miscImmediates has the layout for the opcodes after 0xfc.
var miscImmediates = [...]immediate{
	0: immNone, 1: immNone, 2: immNone, 3: immNone, 4: immNone, 5: immNone, 6: immNone, 7: immNone, // saturating conversions
	OpMemoryInit & 0xfff: immInit,
	OpDataDrop & 0xfff:   immIndex,
	OpMemoryCopy & 0xfff: immMemory2,
	OpMemoryFill & 0xfff: immMemory,
	OpTableInit & 0xfff:  immIndex2,
	OpElemDrop & 0xfff:   immIndex,
	OpTableCopy & 0xfff:  immIndex2,
	OpTableGrow & 0xfff:  immIndex,
	OpTableSize & 0xfff:  immIndex,
	OpTableFill & 0xfff:  immIndex,
}

// simdImmediate returns the layout for opcode n after 0xfd.
func simdImmediate(n byte) immediate {
	switch {
	case n <= 11, n == 92, n == 93:
		return immMemArg
	case n == 12, n == 13: // v128.const, i8x16.shuffle
		return imm16
	case n >= 21 && n <= 34:
		return immLane
	case n >= 84 && n <= 91:
		return immMemLane
	}
	return immNone
}
