package guest

import (
	"encoding/binary"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Nearly all events have seven fields and a reply with one effect. These are
// read and written here without loops and with few calls: in a Wasm guest of Go's
// toolchain an iteration or a call costs as much as several fields.

// begin sets s to the socket of the event in raw, and returns the event's word and
// data.
func (s *Socket) begin(raw []byte) (word uint32, data string, ok bool) {
	if word, data, ok = s.readPlain(raw); !ok {
		word, data, ok = s.readAny(raw)
	}
	s.changed, s.effects = false, s.room[:0]
	return word, data, ok
}

const (
	plainFields = abi.EventData + 1
	plainHead   = 8 + 8*plainFields
)

// readPlain reads an event with only the fields that every event has. It is not ok
// if there are more fields or fewer, or if the event is malformed.
func (s *Socket) readPlain(raw []byte) (word uint32, data string, ok bool) {
	if len(raw) < plainHead {
		return 0, "", false
	}
	head := load(raw, 0)
	if head>>32 != plainFields {
		return 0, "", false
	}
	route, schema, tenantID := load(raw, 8+8*abi.EventRoute), load(raw, 8+8*abi.EventSchema), load(raw, 8+8*abi.EventTenantID)
	identifier, state, channel := load(raw, 8+8*abi.EventIdentifier), load(raw, 8+8*abi.EventState), load(raw, 8+8*abi.EventChannel)
	content := load(raw, 8+8*abi.EventData)
	limits := int64(plainHead)<<32 | int64(len(raw))
	if outside(route, limits)|outside(schema, limits)|outside(tenantID, limits)|outside(identifier, limits)|
		outside(state, limits)|outside(channel, limits)|outside(content, limits) < 0 {
		return 0, "", false
	}
	base := unsafe.Pointer(unsafe.SliceData(raw))
	s.Route, s.Schema, s.TenantID = textAt(base, route), textAt(base, schema), textAt(base, tenantID)
	s.Identifier, s.State, s.Channel = textAt(base, identifier), textAt(base, state), textAt(base, channel)
	return uint32(head), textAt(base, content), true
}

// outside returns a negative number if a field is present and not inside limits;
// see stray.
func outside(entry uint64, limits int64) int64 { return stray(entry, limits) & int64(entry|-entry) }

// textAt returns the text of a field inside the message at base.
func textAt(base unsafe.Pointer, entry uint64) string {
	return unsafe.String((*byte)(unsafe.Add(base, uint32(entry))), int(entry>>32))
}

// readAny reads any event.
func (s *Socket) readAny(raw []byte) (word uint32, data string, ok bool) {
	f := &memory.event
	if !f.parse(raw) {
		return 0, "", false
	}
	s.Route, s.Schema, s.TenantID = f.at[abi.EventRoute], f.at[abi.EventSchema], f.at[abi.EventTenantID]
	s.Identifier, s.State, s.Channel = f.at[abi.EventIdentifier], f.at[abi.EventState], f.at[abi.EventChannel]
	return f.word, f.at[abi.EventData], true
}

const (
	singleFields = abi.EffectsData0 + 1
	singleHead   = 8 + 8*singleFields
)

// singleEffect writes a reply with one effect and nothing else. It returns nil if
// the arena has no room for it.
func (a *arena) singleEffect(e *Effect) []byte {
	const start = headRoom - singleHead
	w := writer{out: a.static[start:], end: bodyAt - start + a.used}
	kind := w.end
	if kind >= len(w.out) {
		return nil
	}
	w.out[kind] = byte(e.Kind)
	w.end++
	var name, data uint64
	if e.Name != "" {
		name = w.entryOf(e.Name, singleHead)
	}
	if e.takesData() {
		data = w.entryOf(e.Data, singleHead)
	}
	if w.end > len(w.out) {
		return nil
	}
	binary.LittleEndian.PutUint64(w.out, singleFields<<32)
	putEntry(w.out, abi.EffectsState, 0)
	putEntry(w.out, abi.EffectsProtocol, 0)
	putEntry(w.out, abi.EffectsKinds, entry(kind, kind+1))
	putEntry(w.out, abi.EffectsName0, name)
	putEntry(w.out, abi.EffectsData0, data)
	return w.out[:w.end]
}
