package guest

import "math"

// Event is a message to a group or to a channel, as in Django Channels: a map
// with a type. An event that a consumer receives shares the memory of the call.
type Event struct {
	entries []byte // MessagePack, without the map's header
	n       int    // number of entries
	kind    string
}

const typeKey = "type"

// NewEvent returns an event of a type. Django consumers handle the type
// "chat.message" with the method chat_message.
func NewEvent(kind string) *Event { return (&Event{kind: kind}).WithText(typeKey, kind) }

// Type returns the event's type.
func (e *Event) Type() string { return e.kind }

// WithText adds text, which must be UTF-8.
func (e *Event) WithText(name, value string) *Event {
	e.entries = packText(e.entry(name), value)
	return e
}

// WithBytes adds bytes.
func (e *Event) WithBytes(name string, value []byte) *Event {
	e.entries = packBytes(e.entry(name), value)
	return e
}

// WithInt adds an integer.
func (e *Event) WithInt(name string, value int64) *Event {
	e.entries = packInt(e.entry(name), value)
	return e
}

// WithFloat adds a floating-point number.
func (e *Event) WithFloat(name string, value float64) *Event {
	e.entries = packUint(append(e.entry(name), packFloat64), math.Float64bits(value), 8)
	return e
}

// WithBool adds a boolean.
func (e *Event) WithBool(name string, value bool) *Event {
	b := byte(packFalse)
	if value {
		b = packTrue
	}
	e.entries = append(e.entry(name), b)
	return e
}

// WithPacked adds a value in MessagePack, such as a list or a map. The host
// rejects the event if it is malformed.
func (e *Event) WithPacked(name string, value []byte) *Event {
	e.entries = append(e.entry(name), value...)
	return e
}

func (e *Event) entry(name string) []byte {
	e.n++
	return packText(e.entries, name)
}

// Text returns the text with that name, and whether there is one.
func (e *Event) Text(name string) (string, bool) {
	value, ok := e.Packed(name)
	s, rest, ok := takeText(value, ok)
	return s, ok && len(rest) == 0
}

// Bytes returns the bytes with that name, and whether there are any.
func (e *Event) Bytes(name string) ([]byte, bool) {
	value, ok := e.Packed(name)
	return takeBytes(value, ok)
}

// Int returns the integer with that name, and whether there is one.
func (e *Event) Int(name string) (int64, bool) {
	value, ok := e.Packed(name)
	return takeInt(value, ok)
}

// Float returns the floating-point number or integer with that name, and whether
// there is one.
func (e *Event) Float(name string) (float64, bool) {
	value, ok := e.Packed(name)
	if n, isInt := takeInt(value, ok); isInt {
		return float64(n), true
	}
	return takeFloat(value, ok)
}

// Bool returns the boolean with that name, and whether there is one.
func (e *Event) Bool(name string) (value, ok bool) {
	b, ok := e.Packed(name)
	if !ok || len(b) != 1 || b[0] != packTrue && b[0] != packFalse {
		return false, false
	}
	return b[0] == packTrue, true
}

// Packed returns the value with that name in MessagePack, and whether there is
// one. If the name is repeated, the last value counts, as in Python.
func (e *Event) Packed(name string) (value []byte, ok bool) {
	rest := e.entries
	for range e.n {
		key, after, found := takeText(rest, true)
		if !found {
			return nil, false
		}
		end, valid := skipPacked(after, 0)
		if !valid {
			return nil, false
		}
		if key == name {
			value, ok = after[:len(after)-len(end)], true
		}
		rest = end
	}
	return value, ok
}

// packed returns the event as a MessagePack map.
func (e *Event) packed() string {
	b := make([]byte, 0, 5+len(e.entries))
	return text(append(packMap(b, e.n), e.entries...))
}

// parse reads an event from data, and reports whether it is one valid MessagePack
// map.
func (e *Event) parse(data string) bool {
	n, entries, ok := takeMap(unsafeBytes(data))
	*e = Event{entries: entries, n: n}
	rest := entries
	for i := 0; ok && i < n; i++ {
		var key string
		if key, rest, ok = takeText(rest, true); !ok {
			return false
		}
		value := rest
		if rest, ok = skipPacked(value, 1); ok && key == typeKey {
			e.kind, _, _ = takeText(value, true)
		}
	}
	return ok && len(rest) == 0
}
