package channel

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tinylib/msgp/msgp"
)

// Message is one message: a map whose entry "type" says what it is, as Django
// Channels has it. It never changes, so one message serves all members of a
// group. Inside it is MessagePack, encoded once however many receive it.
type Message struct {
	kind   string
	fields uint32
	body   []byte // the map's entries, without its header

	once    sync.Once
	derived any
}

// Field is one entry of a message. A value is nil, a bool, any integer or
// float, a string (text), a []byte (binary), or a []any or map[string]any of
// such values.
type Field struct {
	Name  string
	Value any
}

// NewMessage returns a message of a type, with fields in the order given. It
// fails with [ErrMessage] for values that cannot be sent.
func NewMessage(kind string, fields ...Field) (*Message, error) {
	m := &Message{kind: kind, fields: 1, body: msgp.AppendString(msgp.AppendString(nil, typeKey), kind)}
	if err := m.sendable(); err != nil {
		return nil, err
	}
	for _, f := range fields {
		if f.Name == typeKey || f.Name == addressKey {
			return nil, fmt.Errorf("%w: a field may not be named %q", ErrMessage, f.Name)
		}
		var err error
		if m.body, err = appendText(m.body, f.Name); err == nil {
			m.body, err = appendValue(m.body, f.Value, 1)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: field %q: %w", ErrMessage, clip(f.Name), err)
		}
		m.fields++
	}
	return m, nil
}

// MessageOf returns the message that a map describes, with "type" among its
// entries.
func MessageOf(entries map[string]any) (*Message, error) {
	kind, ok := entries[typeKey].(string)
	if !ok {
		return nil, fmt.Errorf("%w: expected an entry \"type\" that is text", ErrMessage)
	}
	fields := make([]Field, 0, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if name != typeKey {
			fields = append(fields, Field{name, entries[name]})
		}
	}
	return NewMessage(kind, fields...)
}

// ParseMessage returns the message that a MessagePack map is. It keeps data,
// which must not change afterwards. What a Python process would refuse to read
// (keys that are not text, extension types, text that is not UTF-8, bytes
// behind the map) is [ErrMessage], as are maps within maps beyond all reason
// and an address of channels_redis: that is for layers, see [ParseAddressed].
func ParseMessage(data []byte) (*Message, error) {
	m, to, err := ParseAddressed(data)
	if err == nil && to != nil {
		err = fmt.Errorf("%w: a field may not be named %q", ErrMessage, addressKey)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ParseJSON returns the message that a JSON object is. Whole numbers become
// integers, others floats.
func ParseJSON(data []byte) (*Message, error) {
	m, to, err := ParseAddressedJSON(data)
	if err == nil && to != nil {
		err = fmt.Errorf("%w: a field may not be named %q", ErrMessage, addressKey)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Derived returns what derive makes of the message. It is made once, for the
// first receiver that asks: what all of them send on, say. Receivers of one
// process have to agree on what that is.
func (m *Message) Derived(derive func(*Message) any) any {
	m.once.Do(func() { m.derived = derive(m) })
	return m.derived
}

// Type returns the entry "type", or "" if a message from the wire has none.
func (m *Message) Type() string { return m.kind }

// Len returns the length of the message as MessagePack.
func (m *Message) Len() int { return len(m.body) + headerLen(m.fields) }

// AppendMsgPack appends the message as MessagePack.
func (m *Message) AppendMsgPack(b []byte) []byte {
	return append(msgp.AppendMapHeader(b, m.fields), m.body...)
}

// Map returns the message's entries, decoded afresh: integers are int64, or
// uint64 beyond its range, floats float64, text string, binary []byte.
func (m *Message) Map() map[string]any {
	entries, rest := make(map[string]any, m.fields), m.body
	for range m.fields {
		var name string
		var value any
		name, rest = readText(rest)
		value, rest = readValue(rest)
		entries[name] = value
	}
	return entries
}

// MarshalJSON implements [json.Marshaler]. Binary, and floats that are no
// numbers, have no form in JSON: [ErrMessage].
func (m *Message) MarshalJSON() ([]byte, error) {
	entries := m.Map()
	if err := noBinary(entries); err != nil {
		return nil, err
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return data, nil
}

// sendable reports whether a consumer could dispatch the message.
func (m *Message) sendable() error {
	if m.kind == "" {
		return fmt.Errorf("%w: a message needs a type, as \"chat.message\"", ErrMessage)
	}
	return nil
}

// Check reports whether a layer whose messages have at most limit bytes may send
// m: it has a type, and is not [ErrTooLarge].
func (m *Message) Check(limit int) error {
	if err := m.sendable(); err != nil {
		return err
	}
	if m.Len() > limit {
		return fmt.Errorf("%w: %d bytes of MessagePack, %d are allowed", ErrTooLarge, m.Len(), limit)
	}
	return nil
}
