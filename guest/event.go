package guest

import "math"

// Event is a message to a group or to a channel: a map from names to values
// with a type among them, as Django Channels has it. Inside it is MessagePack;
// one that has come shares the memory it came in.
type Event struct {
	entries []byte // MessagePack, without the map's header
	n       int
	kind    string
}

const typeKey = "type"

// NewEvent begins an event. Django consumers call the method that the type
// names: that of "chat.message" is chat_message.
func NewEvent(kind string) *Event { return (&Event{kind: kind}).WithText(typeKey, kind) }

// Type says what the event is.
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

// WithInt adds a whole number.
func (e *Event) WithInt(name string, value int64) *Event {
	e.entries = packInt(e.entry(name), value)
	return e
}

// WithFloat adds a number.
func (e *Event) WithFloat(name string, value float64) *Event {
	e.entries = packUint(append(e.entry(name), packFloat64), math.Float64bits(value), 8)
	return e
}

// WithBool adds a truth value.
func (e *Event) WithBool(name string, value bool) *Event {
	b := byte(packFalse)
	if value {
		b = packTrue
	}
	e.entries = append(e.entry(name), b)
	return e
}

// WithPacked adds a value of any kind that is MessagePack already: a list or a
// map, say. The host refuses the event if it is not.
func (e *Event) WithPacked(name string, value []byte) *Event {
	e.entries = append(e.entry(name), value...)
	return e
}

func (e *Event) entry(name string) []byte {
	e.n++
	return packText(e.entries, name)
}

// Text returns a text, and whether the event has one of that name.
func (e *Event) Text(name string) (string, bool) {
	value, ok := e.Packed(name)
	s, rest, ok := takeText(value, ok)
	return s, ok && len(rest) == 0
}

// Bytes returns bytes, and whether the event has some of that name.
func (e *Event) Bytes(name string) ([]byte, bool) {
	value, ok := e.Packed(name)
	return takeBytes(value, ok)
}

// Int returns a whole number, and whether the event has one of that name.
func (e *Event) Int(name string) (int64, bool) {
	value, ok := e.Packed(name)
	return takeInt(value, ok)
}

// Float returns a number, whole or not, and whether the event has one of that
// name.
func (e *Event) Float(name string) (float64, bool) {
	value, ok := e.Packed(name)
	if n, whole := takeInt(value, ok); whole {
		return float64(n), true
	}
	return takeFloat(value, ok)
}

// Bool returns a truth value, and whether the event has one of that name.
func (e *Event) Bool(name string) (value, ok bool) {
	b, ok := e.Packed(name)
	if !ok || len(b) != 1 || b[0] != packTrue && b[0] != packFalse {
		return false, false
	}
	return b[0] == packTrue, true
}

// Packed returns a value as MessagePack, and whether the event has one of that
// name. Of several the last one counts, as in Python.
func (e *Event) Packed(name string) (value []byte, ok bool) {
	rest := e.entries
	for range e.n {
		key, after, found := takeText(rest, true)
		if !found {
			return nil, false
		}
		end, whole := skipPacked(after, 0)
		if !whole {
			return nil, false
		}
		if key == name {
			value, ok = after[:len(after)-len(end)], true
		}
		rest = end
	}
	return value, ok
}

// packed is the event as one MessagePack map.
func (e *Event) packed() string {
	b := make([]byte, 0, 5+len(e.entries))
	return text(append(packMap(b, e.n), e.entries...))
}

// parse reads a MessagePack map, all of which must be well-formed, in one walk.
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
