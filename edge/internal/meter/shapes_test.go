package meter_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// shape is a guest that is designed to cost as much as possible for its charge: time for
// its fuel, or stack for its depth. It exports "f".
type shape struct {
	name string
	wasm []byte
	cold bool // the first call is the expensive one

	budget uint64 // for a long preparation; 0: the default
}

// builder builds a module.
type builder struct{ m wasm.Module }

// code is a sequence of instructions.
type code []byte

func (c code) op(ops ...byte) code { return append(c, ops...) }

func (c code) at(op wasm.Opcode, i int) code { return wasm.AppendU32(append(c, byte(op)), uint32(i)) }

func (c code) simd(n byte) code {
	if n >= 0x80 {
		return append(c, 0xfd, n, 1)
	}
	return append(c, 0xfd, n)
}

func (c code) i32(v int) code { return wasm.AppendS32(append(c, byte(wasm.OpI32Const)), int32(v)) }

// block opens a block, loop or if of type t.
func (c code) block(op wasm.Opcode, t int) code {
	return wasm.AppendS64(append(c, byte(op)), int64(t))
}

func (c code) plain(op wasm.Opcode) code { return append(c, byte(op), 0x40) }

func (c code) end() code { return append(c, byte(wasm.OpEnd)) }

func (c code) times(n int, f func(c code, i int) code) code {
	for i := range n {
		c = f(c, i)
	}
	return c
}

// value pushes a value of type t that is not a constant.
func (c code) value(t wasm.ValType) code {
	switch t {
	case wasm.I64:
		return c.at(wasm.OpGlobalGet, 0)
	case wasm.F64:
		return c.at(wasm.OpGlobalGet, 1)
	case wasm.V128:
		return c.at(wasm.OpGlobalGet, 0).simd(18)
	}
	return c.at(wasm.OpGlobalGet, 2)
}

const noLocals = wasm.ValType(0)

func newBuilder(pages int) *builder {
	b := &builder{}
	zero := func(t wasm.ValType, init wasm.Expr) {
		b.m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: t, Mutable: true}, Init: init})
	}
	zero(wasm.I64, wasm.I64Const(3))
	zero(wasm.F64, append(append(wasm.Expr{0x44}, 1, 0, 0, 0, 0, 0, 0, 0), 0x0b)) // the smallest positive number
	zero(wasm.I32, wasm.I32Const(3))
	b.m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: uint32(pages)}})
	b.m.Tables.Add(wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 4}})
	b.m.Exports.Add(wasm.Export{Name: "f"})
	b.m.Elements.Add(wasm.Element{Offset: wasm.I32Const(0), Type: wasm.FuncRef, Funcs: []uint32{0}})
	return b
}

func (b *builder) typ(params, results []wasm.ValType) int {
	return b.m.Types.Add(wasm.Type{Params: params, Results: results})
}

// add adds a function with n locals of type t; the first is "f".
func (b *builder) add(typ, n int, t wasm.ValType, c code) int {
	body := []byte{0}
	if n > 0 {
		body = append(wasm.AppendU32([]byte{1}, uint32(n)), t)
	}
	b.m.Code.Add(wasm.Body{Bytes: append(append(body, c...), byte(wasm.OpEnd))})
	return b.m.Functions.Add(wasm.Func(typ))
}

func (b *builder) shape(format string, args ...any) shape {
	return shape{name: fmt.Sprintf(format, args...), wasm: b.m.Encode()}
}

func many(n int, t wasm.ValType) []wasm.ValType {
	types := make([]wasm.ValType, n)
	for i := range types {
		types[i] = t
	}
	return types
}

var valueTypes = []wasm.ValType{wasm.I64, wasm.F64, wasm.V128}

// coldArm is a loop with an arm that never runs and sets n locals, which are read after
// it.
func coldArm(n int, t wasm.ValType, twice bool) shape {
	b := newBuilder(1)
	rare := func(c code, v int) code { return c.at(wasm.OpGlobalGet, 2).i32(v).op(0x46) }
	c := rare(code{}.plain(wasm.OpBlock).plain(wasm.OpLoop), 99).plain(wasm.OpIf)
	c = c.times(n, func(c code, i int) code {
		if twice { // each gets its neighbour's value
			return c.at(wasm.OpLocalGet, (i+1)%n).at(wasm.OpLocalSet, i)
		}
		return c.value(t).at(wasm.OpLocalSet, i)
	})
	c = rare(c.end(), 98).at(wasm.OpBrIf, 1).at(wasm.OpBr, 0).end().end()
	c = c.times(n, func(c code, i int) code { return c.at(wasm.OpLocalGet, i).op(0x1a) })
	b.add(b.typ(nil, nil), n, t, c)
	return b.shape("an arm that does not run sets %d %s (turned: %v)", n, wasm.TypeName(t), twice)
}

// carried is a loop with n parameters, which are rotated by one each time.
func carried(n int, t wasm.ValType, table bool) shape {
	b := newBuilder(1)
	typ := b.typ(nil, nil)
	loop := b.typ(many(n, t), nil)
	c := code{}.times(n, func(c code, _ int) code { return c.value(t) }).block(wasm.OpLoop, loop)
	c = c.at(wasm.OpLocalSet, 0).value(t)
	if table {
		c = c.at(wasm.OpGlobalGet, 2).at(wasm.OpBrTable, 3).op(0, 0, 0, 0)
	} else {
		c = c.at(wasm.OpBr, 0)
	}
	b.add(typ, 1, t, c.end())
	return b.shape("a loop carries %d %s (br_table: %v)", n, wasm.TypeName(t), table)
}

// handed passes n values from one call to the next.
func handed(n int, t wasm.ValType) shape {
	b := newBuilder(1)
	typ, give, take := b.typ(nil, nil), b.typ(nil, many(n, t)), b.typ(many(n, t), nil)
	b.add(typ, 0, noLocals, code{}.plain(wasm.OpLoop).at(wasm.OpCall, 1).at(wasm.OpCall, 2).at(wasm.OpBr, 0).end())
	b.add(give, 0, noLocals, code{}.times(n, func(c code, _ int) code { return c.value(t) }))
	b.add(take, 0, noLocals, code{})
	return b.shape("%d %s go from call to call", n, wasm.TypeName(t))
}

// results returns n values through a function that only calls.
func results(n int, t wasm.ValType) shape {
	b := newBuilder(1)
	typ, give := b.typ(nil, nil), b.typ(nil, many(n, t))
	b.add(typ, 0, noLocals, code{}.plain(wasm.OpLoop).plain(wasm.OpBlock).at(wasm.OpCall, 1).at(wasm.OpBr, 1).end().at(wasm.OpBr, 0).end())
	b.add(give, 0, noLocals, code{}.at(wasm.OpCall, 2))
	b.add(give, 0, noLocals, code{}.at(wasm.OpCall, 3))
	b.add(give, 0, noLocals, code{}.times(n, func(c code, _ int) code { return c.value(t) }))
	return b.shape("%d %s go up through calls", n, wasm.TypeName(t))
}

// chain is a loop of operations on one value, each of which takes the last one's result.
func chain(name string, pages, n int, first, again, last code) shape {
	b := newBuilder(pages)
	c := code{}.plain(wasm.OpLoop).op(first...).times(n, func(c code, _ int) code { return c.op(again...) })
	b.add(b.typ(nil, nil), 1, wasm.I32, c.op(last...).at(wasm.OpBr, 0).end())
	return b.shape("%s, %d times", name, n)
}

// operations are chains of single instructions that are slow or call the engine's host.
func operations(n int) []shape {
	drop := code{}.op(0x1a)
	of := func(t wasm.ValType) code { return code{}.value(t) }
	d := []byte{1, 0, 0, 0, 0, 0, 0, 0} // a subnormal number, with which processors are slow
	tiny := append(code{0x44}, d...)
	return []shape{
		chain("ref.func", 1, n, nil, code{}.at(wasm.OpRefFunc, 0).op(0x1a), nil),
		chain("table.get", 1, n, nil, code{}.i32(0).at(wasm.OpTableGet, 0).op(0x1a), nil),
		chain("memory.size", 1, n, nil, code{}.op(0x3f, 0, 0x1a), nil),
		chain("memory.grow 0", 1, n, nil, code{}.i32(0).op(0x40, 0, 0x1a), nil),
		chain("memory.copy of nothing", 1, n, nil, code{}.i32(0).i32(0).i32(0).op(0xfc, 10, 0, 0), nil),
		chain("memory.fill of nothing", 1, n, nil, code{}.i32(0).i32(7).i32(0).op(0xfc, 11, 0), nil),
		chain("memory.fill of 7", 1, n, nil, code{}.i32(0).i32(7).i32(7).op(0xfc, 11, 0), nil),
		chain("memory.copy of 65536", 2, n, nil, code{}.i32(1).i32(65537).i32(65535).op(0xfc, 10, 0, 0), nil),
		chain("call_indirect of nothing", 1, 1, nil, code{}.at(wasm.OpGlobalGet, 2).op(0x1a), nil),
		chain("i64.rem_s", 1, n, of(wasm.I64), of(wasm.I64).op(0x81), drop),
		chain("i64.div_u", 1, n, of(wasm.I64), of(wasm.I64).op(0x80), drop),
		chain("f64.div", 1, n, of(wasm.F64), of(wasm.F64).op(0xa3), drop),
		chain("f64.sqrt of tiny", 1, n, nil, of(wasm.F64).op(0x9f, 0x1a), nil),
		chain("f64.mul of tiny", 1, n, nil, of(wasm.F64).op(0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0xa2, 0x1a), nil),
		chain("f64.mul in a row", 1, n, of(wasm.F64), code(tiny).op(0xa2), drop),
		chain("f32.demote and promote", 1, n, of(wasm.F64), code{}.op(0xb6, 0xbb), drop),
		chain("f32.demote of small", 1, n, nil, code{}.op(0x44, 0, 0, 0, 0, 0, 0, 0, 0x37).op(0xb6, 0x1a), nil),
		chain("i64.trunc_sat_f64_u", 1, n, of(wasm.F64), code{}.op(0xfc, 7, 0xba), drop),
		chain("i32.trunc_sat_f32_s", 1, n, code(tiny).op(0xb6), code{}.op(0xfc, 0, 0xb2), drop),
		chain("f64.convert_i64_u", 1, n, of(wasm.F64), code{}.op(0xbd, 0xba), drop),
		chain("f64.nearest", 1, n, of(wasm.F64), code{}.op(0x9e), drop),
		chain("f64.min", 1, n, of(wasm.F64), of(wasm.F64).op(0xa4), drop),
		chain("i64.popcnt", 1, n, of(wasm.I64), code{}.op(0x7b), drop),
		chain("f64x2.sqrt", 1, n, of(wasm.F64).simd(20), code{}.simd(239), drop),
		chain("f64x2.div", 1, n, of(wasm.F64).simd(20), of(wasm.F64).simd(20).simd(243), drop),
		chain("f64x2.mul", 1, n, of(wasm.F64).simd(20), of(wasm.F64).simd(20).simd(242), drop),
		chain("i64x2.mul", 1, n, of(wasm.V128), of(wasm.V128).simd(213), drop),
		chain("i8x16.swizzle", 1, n, of(wasm.V128), of(wasm.V128).simd(14), drop),
		chain("i8x16.shuffle", 1, n, of(wasm.V128), of(wasm.V128).simd(13).op(0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31), drop),
		chain("i8x16.popcnt", 1, n, of(wasm.V128), code{}.simd(98), drop),
		chain("i32x4.trunc_sat_f64x2_u_zero", 1, n, of(wasm.V128), code{}.simd(253), drop),
		chain("f32x4.convert_i32x4_u", 1, n, of(wasm.V128), code{}.simd(251), drop),
		chain("i8x16.shl", 1, n, of(wasm.V128), code{}.at(wasm.OpGlobalGet, 2).simd(107), drop),
		chain("i64x2.shr_s", 1, n, of(wasm.V128), code{}.at(wasm.OpGlobalGet, 2).simd(204), drop),
		chain("i64.load across pages", 2, n, code{}.i32(0), code{}.i32(4092).op(0x71, 0x29, 0).op(0xfc, 0x1f).op(0xa7), drop),
	}
}

// pages writes a byte to each page of 4 KiB.
func pages(most, n int, store bool) shape {
	b := newBuilder(most)
	c := code{}.plain(wasm.OpLoop).times(n, func(c code, i int) code {
		c = c.at(wasm.OpLocalGet, 0)
		if store {
			return c.at(wasm.OpLocalGet, 0).op(0x3a, 0).op(wasm.AppendU32(nil, uint32(i*4096))...)
		}
		return c.op(0x2d, 0).op(wasm.AppendU32(nil, uint32(i*4096))...).op(0x1a)
	})
	c = c.at(wasm.OpLocalGet, 0).i32(n*4096).op(0x6a).i32(most*32768-1).op(0x71).at(wasm.OpLocalSet, 0)
	b.add(b.typ(nil, nil), 1, wasm.I32, c.at(wasm.OpBr, 0).end())
	s := b.shape("a byte in each page of %d KiB, stored: %v", most*32, store)
	s.cold = true
	return s
}

// chase fills memory with a chain of distant addresses, and follows it.
func chase(most, n int) shape {
	b := newBuilder(most)
	mask := most*65536 - 64
	// Next address: a*step+c over cache lines, which visits each of them.
	fill := code{}.plain(wasm.OpLoop).at(wasm.OpLocalGet, 0)
	fill = fill.at(wasm.OpLocalGet, 0).i32(1103515245).op(0x6c).i32(12345*64).op(0x6a).i32(mask).op(0x71).op(0x36, 0, 0)
	fill = fill.at(wasm.OpLocalGet, 0).i32(64).op(0x6a).at(wasm.OpLocalTee, 0).i32(mask).op(0x49).at(wasm.OpBrIf, 0).end()
	c := fill.i32(0).at(wasm.OpLocalSet, 0).plain(wasm.OpLoop).at(wasm.OpLocalGet, 0)
	c = c.times(n, func(c code, _ int) code { return c.op(0x28, 0, 0) }).at(wasm.OpLocalSet, 0).at(wasm.OpBr, 0).end()
	b.add(b.typ(nil, nil), 1, wasm.I32, c)
	s := b.shape("loads one after the other in %d KiB, %d in a row", most*64, n)
	s.budget = uint64(most) * 20_000
	return s
}

// straight is a function of n instructions without a loop, called in a loop.
func straight(n int) shape {
	b := newBuilder(1)
	typ := b.typ(nil, nil)
	b.add(typ, 0, noLocals, code{}.plain(wasm.OpLoop).at(wasm.OpCall, 1).at(wasm.OpBr, 0).end())
	c := code{}.at(wasm.OpGlobalGet, 2).times(n, func(c code, _ int) code { return c.i32(77).op(0x70).i32(1).op(0x6a) })
	b.add(typ, 0, noLocals, c.op(0x1a))
	return b.shape("straight code, %d divisions", n)
}

// unwinding calls itself as deep as possible, with n instructions after the call.
func unwinding(n, depth int) shape {
	b := newBuilder(1)
	typ, rec := b.typ(nil, nil), b.typ([]wasm.ValType{wasm.I32}, nil)
	b.add(typ, 0, noLocals, code{}.plain(wasm.OpLoop).i32(depth).at(wasm.OpCall, 1).at(wasm.OpBr, 0).end())
	c := code{}.at(wasm.OpLocalGet, 0).op(0x45).plain(wasm.OpIf).op(0x0f).end().at(wasm.OpLocalGet, 0).i32(1).op(0x6b).at(wasm.OpCall, 1)
	c = c.i32(3).times(n, func(c code, _ int) code { return c.op(0x28, 0, 0) }).op(0x1a)
	b.add(rec, 0, noLocals, c)
	return b.shape("%d returns with %d loads after each", depth, n)
}

// recursive calls itself without end, with its results and operands on the stack.
func recursive(params, results, operands, locals int, t wasm.ValType) shape {
	b := newBuilder(1)
	typ, rec := b.typ(nil, nil), b.typ(many(params, t), many(results, t))
	b.add(typ, 0, noLocals, code{}.times(params, func(c code, _ int) code { return c.value(t) }).at(wasm.OpCall, 1).
		times(results, func(c code, _ int) code { return c.op(0x1a) }))
	c := code{}.times(locals, func(c code, i int) code { return c.value(t).at(wasm.OpLocalSet, params+i) })
	c = c.times(operands, func(c code, _ int) code { return c.value(t) })
	c = c.times(params, func(c code, i int) code { return c.at(wasm.OpLocalGet, i) }).at(wasm.OpCall, 1)
	c = c.times(results, func(c code, _ int) code { return c.op(0x1a) }).times(operands, func(c code, _ int) code { return c.op(0x1a) })
	c = c.times(locals, func(c code, i int) code { return c.at(wasm.OpLocalGet, params+i).op(0x1a) })
	c = c.times(results, func(c code, _ int) code { return c.value(t) })
	b.add(rec, locals, t, c)
	return b.shape("a recursion with %d parameters, %d results, %d operands and %d locals of %s", params, results, operands, locals, wasm.TypeName(t))
}

// pressed calls itself without end, after rounds with few operands in which n live
// locals are added up.
func pressed(rounds, operands, n int) shape {
	b := newBuilder(1)
	sum := func(c code) code { // of all locals
		return c.at(wasm.OpLocalGet, 0).times(n-1, func(c code, i int) code { return c.at(wasm.OpLocalGet, i+1).op(0x7c) })
	}
	c := code{}.times(n, func(c code, i int) code { return c.value(wasm.I64).at(wasm.OpLocalSet, i) })
	c = c.times(rounds, func(c code, _ int) code {
		c = c.times(operands, func(c code, _ int) code { return c.value(wasm.I64) })
		c = sum(c).at(wasm.OpGlobalSet, 0)
		return c.times(operands-1, func(c code, _ int) code { return c.op(0x7c) }).at(wasm.OpGlobalSet, 0)
	})
	b.add(b.typ(nil, nil), n, wasm.I64, sum(c.at(wasm.OpCall, 0)).op(0x1a))
	return b.shape("a recursion after %d rounds of %d operands with %d locals", rounds, operands, n)
}

// joining calls itself without end, after many joins of n locals.
func joining(n, ways int, t wasm.ValType, loop bool) shape {
	b := newBuilder(1)
	typ := b.typ(nil, nil)
	op := wasm.OpBlock
	if loop {
		op = wasm.OpLoop
	}
	c := code{}.plain(op)
	c = c.times(ways, func(c code, w int) code {
		c = c.times(n, func(c code, i int) code { return c.at(wasm.OpLocalGet, (i+1)%n).at(wasm.OpLocalSet, i) })
		return c.at(wasm.OpGlobalGet, 2).i32(99).op(0x46).at(wasm.OpBrIf, 0)
	}).end()
	c = c.at(wasm.OpCall, 0).times(n, func(c code, i int) code { return c.at(wasm.OpLocalGet, i).op(0x1a) })
	b.add(typ, n, t, code{}.times(n, func(c code, i int) code { return c.value(t).at(wasm.OpLocalSet, i) }).op(c...))
	return b.shape("a recursion after %d ways with %d %s (loop: %v)", ways, n, wasm.TypeName(t), loop)
}

// random is a function of random instructions that calls itself or spins.
func random(r *rand.Rand, recursive bool) shape {
	b := newBuilder(1)
	t := valueTypes[r.IntN(len(valueTypes))]
	typ := b.typ(nil, nil)
	pass := b.typ(nil, many(1+r.IntN(40), t))
	results := len(b.m.Types.At(pass).Results)
	locals := 1 + r.IntN(60)
	if r.IntN(4) == 0 {
		locals *= 20
	}
	var c code
	depth := 0
	for range 20 + r.IntN(400) {
		switch r.IntN(9) {
		case 0, 1:
			c = c.value(t).at(wasm.OpLocalSet, r.IntN(locals))
		case 2:
			c = c.at(wasm.OpLocalGet, r.IntN(locals)).at(wasm.OpLocalSet, r.IntN(locals))
		case 3:
			c = c.at(wasm.OpLocalGet, r.IntN(locals)).op(0x1a)
		case 4:
			c, depth = c.plain([]wasm.Opcode{wasm.OpBlock, wasm.OpLoop}[r.IntN(2)]), depth+1
		case 5:
			if depth > 0 {
				c, depth = c.end(), depth-1
			}
		case 6:
			c = c.at(wasm.OpGlobalGet, 2).i32(99).op(0x46).at(wasm.OpBrIf, r.IntN(depth+1))
		case 7:
			c = c.at(wasm.OpCall, 1).times(results, func(c code, _ int) code {
				if r.IntN(2) == 0 {
					return c.op(0x1a)
				}
				return c.at(wasm.OpLocalSet, r.IntN(locals))
			})
		case 8:
			n := r.IntN(30)
			c = c.times(n, func(c code, _ int) code { return c.at(wasm.OpLocalGet, r.IntN(locals)) }).at(wasm.OpGlobalGet, 2).i32(99).op(0x46).
				plain(wasm.OpIf).at(wasm.OpCall, 1).times(results, func(c code, _ int) code { return c.op(0x1a) }).end().
				times(n, func(c code, _ int) code { return c.at(wasm.OpLocalSet, r.IntN(locals)) })
		}
	}
	c = c.times(depth, func(c code, _ int) code { return c.end() })
	if recursive {
		c = c.at(wasm.OpCall, 0)
	} else {
		c = code{}.plain(wasm.OpLoop).op(c...).at(wasm.OpBr, 0).end()
	}
	c = c.times(locals, func(c code, i int) code { return c.at(wasm.OpLocalGet, i).op(0x1a) })
	b.add(typ, locals, t, c)
	b.add(pass, 0, noLocals, code{}.times(results, func(c code, _ int) code { return c.value(t) }))
	return b.shape("a random function, recursive: %v", recursive)
}
