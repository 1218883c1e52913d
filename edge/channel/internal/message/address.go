package message

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tinylib/msgp/msgp"
)

// AppendAddressed appends the message as MessagePack, with the entry
// __asgi_channel__ last: a list of channels, or, if direct, the first channel
// as text.
func (e *Entries) AppendAddressed(b []byte, direct bool, channels ...string) []byte {
	b = append(msgp.AppendMapHeader(b, e.count+1), e.body...)
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

// ParseAddressed decodes a MessagePack map, and returns the channels in its
// entry __asgi_channel__; nil without that entry. It keeps data.
func ParseAddressed(data []byte) (Entries, []string, error) {
	s, err := scan(data)
	if err != nil {
		return Entries{}, nil, err
	}
	return Entries{Type: s.kind, count: s.count, body: s.body}, s.to, nil
}

// AddressedJSON is AppendAddressed for JSON. Without channels it adds no
// address.
func (e *Entries) AddressedJSON(direct bool, channels ...string) ([]byte, error) {
	data, err := e.MarshalJSON()
	if err != nil || len(channels) == 0 {
		return data, err
	}
	var address any = channels
	if direct {
		address = channels[0]
	}
	list, err := json.Marshal(address)
	if err != nil {
		return nil, err
	}
	data = data[:len(data)-1] // the closing brace
	if e.count > 0 {
		data = append(data, ',')
	}
	data = append(data, `"`+addressKey+`":`...)
	return append(append(data, list...), '}'), nil
}

// ParseAddressedJSON is ParseAddressed for a JSON object. Whole numbers become
// integers, other numbers floats.
func ParseAddressedJSON(data []byte) (Entries, []string, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var entries map[string]any
	if err := decoder.Decode(&entries); err != nil {
		return Entries{}, nil, err
	}
	if entries == nil || len(bytes.TrimSpace(data[decoder.InputOffset():])) > 0 {
		return Entries{}, nil, errors.New("expected one JSON object and nothing after it")
	}
	packed, err := appendValue(nil, entries, 0)
	if err != nil {
		return Entries{}, nil, err
	}
	return ParseAddressed(packed)
}
