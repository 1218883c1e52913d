package rules

import (
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Link returns guest with functions in place of te_buffer and te_route, which call
// these. The one notes where the buffer is; the other compares the request in it with
// the rules, and changes the decision of guest by the first rule that matches.
func Link(guest []byte, all []Rule) ([]byte, error) {
	m, err := wasm.Decode(guest)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	buffer, route := exported(m, abi.ExportBuffer), exported(m, abi.ExportRoute)
	if buffer < 0 || route < 0 {
		return nil, errors.New("rules: expected a guest that exports te_buffer and te_route, found none; see guest/abi")
	}
	global := uint32(m.Imported(wasm.KindGlobal) + m.Globals.Add(wasm.Global{
		GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(0),
	}))
	wrap(m, buffer, wasm.I32, noteBuffer(m.Exports.At(buffer).Index, global))
	wrap(m, route, wasm.I64, decide(m.Exports.At(route).Index, global, all))
	return m.Encode(), nil
}

// exported returns the number of the export of a function; -1: there is none.
func exported(m *wasm.Module, name string) int {
	for i, e := range m.Exports.All() {
		if e.Name == name && e.Kind == wasm.KindFunc {
			return i
		}
	}
	return -1
}

// wrap makes an export of the type (i32) -> result a new function with body.
func wrap(m *wasm.Module, export int, result wasm.ValType, body []byte) {
	m.Functions.Add(wasm.Func(m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{result}})))
	m.Code.Add(wasm.Body{Bytes: body})
	e := m.Exports.At(export)
	e.Index = uint32(m.Imported(wasm.KindFunc) + m.Functions.Len() - 1)
	m.Exports.Set(export, e)
}

// noteBuffer returns the body of the function that stores the address of the buffer.
func noteBuffer(original, global uint32) []byte {
	c := &code{0} // no locals
	c.op(wasm.OpLocalGet, 0).op(wasm.OpCall, original).op(wasm.OpGlobalSet, global)
	return *c.op(wasm.OpGlobalGet, global).op(wasm.OpEnd)
}

// The locals of decide. The first is the parameter.
const (
	size    = iota // bytes of the request
	matches        // i32: a bit for each rule whose path matches
	text           // i32: address of the target, then of the schema
	length         // i32: its length
	reply          // i64
	message        // i32: address of the decision
	end            // i32: its length, then the address after it
)

// Offsets in a message: see guest/abi.
const (
	fieldCount  = 4
	firstField  = 8
	fieldBytes  = 8
	fieldLength = 4
)

// decide returns the body of the function that changes the decisions.
func decide(original, global uint32, all []Rule) []byte {
	c := &code{3, 3, wasm.I32, 1, wasm.I64, 2, wasm.I32}
	c.comparePaths(global, all)
	c.op(wasm.OpLocalGet, size).op(wasm.OpCall, original).op(wasm.OpLocalTee, reply)
	c.op(wasm.OpI64Const, 32).op(wasm.OpI64ShrU).op(wasm.OpI32WrapI64).op(wasm.OpLocalSet, message)
	c.op(wasm.OpLocalGet, reply).op(wasm.OpI32WrapI64).op(wasm.OpLocalSet, end)
	c.op(wasm.OpBlock, noResult)
	c.op(wasm.OpLocalGet, end).op(opI32Eqz).op(wasm.OpBrIf, 0) // the guest failed
	c.op(wasm.OpLocalGet, message).op(opI32Load8U, 0, 0).constant(int(abi.Tenant)).op(opI32Ne).op(wasm.OpBrIf, 0)
	c.field(message, abi.DecSchema)
	for i, r := range all {
		c.op(wasm.OpBlock, noResult)
		c.op(wasm.OpLocalGet, matches).constant(1<<i).op(wasm.OpI32And).op(opI32Eqz).op(wasm.OpBrIf, 0)
		if r.Tenant != "*" {
			c.op(wasm.OpLocalGet, length).constant(len(r.Tenant)).op(opI32Ne).op(wasm.OpBrIf, 0)
			c.compare(r.Tenant)
		}
		c.act(r.Action)
		c.op(wasm.OpEnd)
	}
	c.op(wasm.OpEnd)
	return *c.op(wasm.OpLocalGet, reply).op(wasm.OpEnd)
}

// comparePaths sets a bit of matches for each rule whose path matches. It comes before
// the call of the guest, whose reply may lie in the buffer.
func (c *code) comparePaths(buffer uint32, all []Rule) {
	c.op(wasm.OpGlobalGet, buffer).op(wasm.OpLocalSet, message)
	c.field(message, abi.ReqTarget)
	for i, r := range all {
		c.op(wasm.OpBlock, noResult)
		n := len(r.Path)
		c.op(wasm.OpLocalGet, length).constant(n).op(wasm.OpI32LtU).op(wasm.OpBrIf, 0)
		c.compare(r.Path)
		if r.Path[n-1] != '/' { // then the target ends here, or a query or another segment begins
			c.op(wasm.OpBlock, noResult)
			c.op(wasm.OpLocalGet, length).constant(n).op(opI32Eq).op(wasm.OpBrIf, 0)
			for _, next := range []byte("/?") {
				c.op(wasm.OpLocalGet, text).op(opI32Load8U, 0, uint32(n)).constant(int(next)).op(opI32Eq).op(wasm.OpBrIf, 0)
			}
			c.op(wasm.OpBr, 1).op(wasm.OpEnd)
		}
		c.op(wasm.OpLocalGet, matches).constant(1<<i).op(opI32Or).op(wasm.OpLocalSet, matches)
		c.op(wasm.OpEnd)
	}
}

// act appends what an action does with a decision for a tenant, and returns from the
// function. The host reads the reply next and then resets the memory of the guest,
// so the bytes after the reply are free.
func (c *code) act(action string) {
	switch action {
	case Spin:
		c.op(wasm.OpLoop, noResult).op(wasm.OpBr, 0).op(wasm.OpEnd)
	case NotFound:
		c.op(wasm.OpLocalGet, message).constant(int(abi.Missing)).op(wasm.OpI32Store, 2, 0)
		c.op(wasm.OpLocalGet, reply).op(wasm.OpReturn)
	default:
		c.op(wasm.OpLocalGet, message).op(wasm.OpI32Load, 2, fieldCount).constant(abi.DecURLConf).op(wasm.OpI32LeU)
		c.op(wasm.OpIf, noResult).op(wasm.OpUnreachable).op(wasm.OpEnd) // the decision has no such field
		const urlconf = firstField + fieldBytes*abi.DecURLConf
		c.op(wasm.OpLocalGet, message).op(wasm.OpLocalGet, end).op(wasm.OpI32Store, 2, urlconf)
		c.op(wasm.OpLocalGet, message).constant(len(action)).op(wasm.OpI32Store, 2, urlconf+fieldLength)
		c.op(wasm.OpLocalGet, message).op(wasm.OpLocalGet, end).op(wasm.OpI32Add).op(wasm.OpLocalSet, end)
		for i, b := range []byte(action) {
			c.op(wasm.OpLocalGet, end).constant(int(b)).op(wasm.OpI32Store8, 0, uint32(i))
		}
		c.op(wasm.OpLocalGet, reply).op(wasm.OpI64Const)
		*c = wasm.AppendS64(*c, int64(len(action)))
		c.op(wasm.OpI64Add).op(wasm.OpReturn)
	}
}

// Instructions that package wasm does not name, and the type of a block without a
// result.
const (
	opI32Load8U wasm.Opcode = 0x2d
	opI32Eqz    wasm.Opcode = 0x45
	opI32Eq     wasm.Opcode = 0x46
	opI32Ne     wasm.Opcode = 0x47
	opI32Or     wasm.Opcode = 0x72

	noResult = 0x40
)

// code is the body of a function.
type code []byte

// op appends an instruction with its immediates: indices, or alignment and offset.
func (c *code) op(o wasm.Opcode, immediates ...uint32) *code {
	*c = append(*c, byte(o))
	for _, i := range immediates {
		*c = wasm.AppendU32(*c, i)
	}
	return c
}

// constant appends i32.const.
func (c *code) constant(v int) *code {
	*c = wasm.AppendS32(append(*c, byte(wasm.OpI32Const)), int32(v))
	return c
}

// field sets text and length to field i of the message at the address in a local.
func (c *code) field(local, i uint32) {
	at := firstField + fieldBytes*i
	c.op(wasm.OpLocalGet, local).op(wasm.OpI32Load, 2, at).op(wasm.OpLocalGet, local).op(wasm.OpI32Add).op(wasm.OpLocalSet, text)
	c.op(wasm.OpLocalGet, local).op(wasm.OpI32Load, 2, at+fieldLength).op(wasm.OpLocalSet, length)
}

// compare leaves the block unless the bytes at text are s.
func (c *code) compare(s string) {
	for i, b := range []byte(s) {
		c.op(wasm.OpLocalGet, text).op(opI32Load8U, 0, uint32(i)).constant(int(b)).op(opI32Ne).op(wasm.OpBrIf, 0)
	}
}
