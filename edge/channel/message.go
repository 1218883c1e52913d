package channel

import (
	"fmt"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// Message is a map whose entry "type" names its kind, as in Django Channels. It
// is immutable, so all members of a group share one, and it holds MessagePack,
// so it is encoded once for all of them.
type Message struct {
	entries message.Entries

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

// NewMessage returns a message of a type, with fields in the given order. It
// fails with [ErrMessage] for an empty type and for values that the wire has no
// form for.
func NewMessage(kind string, fields ...Field) (*Message, error) {
	m := &Message{entries: message.New(kind)}
	if err := m.checkType(); err != nil {
		return nil, err
	}
	for _, f := range fields {
		if err := m.entries.Append(f.Name, f.Value); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
	}
	return m, nil
}

// ParseMessage decodes a MessagePack map. It keeps data, which must not change
// afterwards. It fails with [ErrMessage] for input that a Python process would
// not decode (keys that are not text, extension types, text that is not UTF-8,
// bytes after the map), for more than 64 nested levels, and for the entry
// __asgi_channel__, which channels_redis reserves.
func ParseMessage(data []byte) (*Message, error) {
	entries, err := message.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return &Message{entries: entries}, nil
}

// Derived returns derive(m), which it computes once: for example the frame that
// all receivers send. All callers in a process must pass the same function.
func (m *Message) Derived(derive func(*Message) any) any {
	m.once.Do(func() { m.derived = derive(m) })
	return m.derived
}

// Type returns the entry "type", or "" for a parsed message without one.
func (m *Message) Type() string { return m.entries.Type }

// Len returns the length of the message as MessagePack.
func (m *Message) Len() int { return m.entries.Len() }

// AppendMsgPack appends the message as MessagePack.
func (m *Message) AppendMsgPack(b []byte) []byte { return m.entries.AppendMsgPack(b) }

// Map decodes the entries into a new map: integers become int64, or uint64
// beyond its range, floats float64, text string, binary []byte.
func (m *Message) Map() map[string]any { return m.entries.Map() }

// MarshalJSON implements [json.Marshaler]. It fails with [ErrMessage] for binary
// values, NaN and infinities.
func (m *Message) MarshalJSON() ([]byte, error) {
	data, err := m.entries.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return data, nil
}

// checkType fails for a message that a consumer cannot dispatch.
func (m *Message) checkType() error {
	if m.entries.Type == "" {
		return fmt.Errorf("%w: expected a type such as \"chat.message\", found none", ErrMessage)
	}
	return nil
}

// check fails for a message that may not be sent: one without a type, or longer
// than limit.
func (m *Message) check(limit int) error {
	if err := m.checkType(); err != nil {
		return err
	}
	if m.Len() > limit {
		return fmt.Errorf("%w: expected at most %d bytes of MessagePack, found %d", ErrTooLarge, limit, m.Len())
	}
	return nil
}
