// Package message is the wire form of a channel message: a map whose entries
// are encoded as channels_redis encodes them, in MessagePack or in JSON.
//
//	e := message.New("chat.message")
//	err := e.Append("text", "hi")
//	payload := e.AppendAddressed(nil, false, "acme.x!y")
package message

import (
	"encoding/json"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

const (
	typeKey = "type"
	// addressKey is the entry in which channels_redis names the receiving
	// channels of a process: one name, or a list of names.
	addressKey = "__asgi_channel__"
)

// Entries are the entries of a message, encoded as MessagePack. They do not
// change once the message is built, so copies share the bytes.
type Entries struct {
	Type  string // the entry "type"; "" if there is none
	count uint32
	body  []byte // the entries, without the header of the map
}

// New returns a message that has only its type.
func New(kind string) Entries {
	return Entries{Type: kind, count: 1, body: msgp.AppendString(msgp.AppendString(nil, typeKey), kind)}
}

// Append adds an entry. It fails for "type", for the name that channels_redis
// reserves, and for values that the wire has no form for.
func (e *Entries) Append(name string, value any) error {
	if name == typeKey || name == addressKey {
		return errReserved(name)
	}
	body, err := appendText(e.body, name)
	if err == nil {
		body, err = appendValue(body, value, 1)
	}
	if err != nil {
		return fmt.Errorf("field %q: %w", clip(name), err)
	}
	e.body = body
	e.count++
	return nil
}

func errReserved(name string) error {
	return fmt.Errorf("expected no field named %q: the name is reserved", name)
}

// Parse decodes a MessagePack map without an address. It keeps data.
func Parse(data []byte) (Entries, error) {
	e, to, err := ParseAddressed(data)
	if err == nil && to != nil {
		err = errReserved(addressKey)
	}
	return e, err
}

// Len returns the length of the message as MessagePack.
func (e *Entries) Len() int { return len(e.body) + headerLen(e.count) }

// AppendMsgPack appends the message as MessagePack.
func (e *Entries) AppendMsgPack(b []byte) []byte {
	return append(msgp.AppendMapHeader(b, e.count), e.body...)
}

// Map decodes the entries: integers become int64, or uint64 beyond its range,
// floats float64, text string, binary []byte.
func (e *Entries) Map() map[string]any {
	entries, rest := make(map[string]any, e.count), e.body
	for range e.count {
		var name string
		var value any
		name, rest = readText(rest)
		value, rest = readValue(rest)
		entries[name] = value
	}
	return entries
}

// MarshalJSON implements [json.Marshaler]. It fails for binary values, NaN and
// infinities, which JSON has no form for.
func (e *Entries) MarshalJSON() ([]byte, error) {
	entries := e.Map()
	if err := checkNoBinary(entries); err != nil {
		return nil, err
	}
	return json.Marshal(entries)
}

// maxClip is the number of bytes of a name or number that an error quotes.
const maxClip = 99

func clip(s string) string {
	if len(s) <= maxClip {
		return s
	}
	return s[:maxClip] + "…"
}
