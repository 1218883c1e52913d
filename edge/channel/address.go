package channel

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

const (
	typeKey = "type"
	// addressKey is the entry by which channels_redis says which of a
	// process's channels a message is for: one name, or a list of names.
	addressKey = "__asgi_channel__"
)

// AppendAddressed appends the message as MessagePack with the entry
// __asgi_channel__ of channels_redis behind it: a list of the names in
// channels, or, with direct, the only one of them as it is.
func (m *Message) AppendAddressed(b []byte, direct bool, channels ...string) []byte {
	b = append(msgp.AppendMapHeader(b, m.fields+1), m.body...)
	b = msgp.AppendString(b, addressKey)
	if direct {
		return msgp.AppendString(b, channels[0])
	}
	b = msgp.AppendArrayHeader(b, uint32(len(channels)))
	for _, name := range channels {
		b = msgp.AppendString(b, name)
	}
	return b
}

// ParseAddressed returns the message that a MessagePack map is, and whom its
// entry __asgi_channel__ names, nil without one. It keeps data.
func ParseAddressed(data []byte) (*Message, []string, error) {
	s, err := scan(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return &Message{kind: s.kind, fields: s.fields, body: s.body}, s.to, nil
}

// AddressedJSON is AppendAddressed for JSON; without channels there is no
// address.
func (m *Message) AddressedJSON(direct bool, channels ...string) ([]byte, error) {
	data, err := m.MarshalJSON()
	if err != nil || len(channels) == 0 {
		return data, err
	}
	var address any = channels
	if direct {
		address = channels[0]
	}
	list, err := json.Marshal(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	data = data[:len(data)-1] // the closing brace
	if m.fields > 0 {
		data = append(data, ',')
	}
	data = append(data, `"`+addressKey+`":`...)
	return append(append(data, list...), '}'), nil
}

// ParseAddressedJSON is ParseAddressed for JSON.
func ParseAddressedJSON(data []byte) (*Message, []string, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var entries map[string]any
	if err := decoder.Decode(&entries); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if entries == nil || len(bytes.TrimSpace(data[decoder.InputOffset():])) > 0 {
		return nil, nil, fmt.Errorf("%w: expected one JSON object and nothing behind it", ErrMessage)
	}
	packed, err := appendValue(nil, entries, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return ParseAddressed(packed)
}
