package message

import (
	"fmt"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// scanned is the result of one pass over the bytes of a message.
type scanned struct {
	kind  string
	to    []string // not nil if there was an address
	count uint32   // of entries, without addresses
	body  []byte   // the entries, without addresses
}

// scan checks that data is one map whose values can be read without further
// checks, and removes the address from it.
func scan(data []byte) (scanned, error) {
	var s scanned
	total, rest, err := msgp.ReadMapHeaderBytes(data)
	if err != nil {
		return s, err
	}
	s.body = rest
	for range total {
		entry := rest
		var key []byte
		if key, rest, err = scanText(rest); err != nil {
			return s, fmt.Errorf("key: %w", err)
		}
		value := rest
		if rest, err = scanValue(rest, 1); err != nil {
			return s, err
		}
		switch string(key) {
		case addressKey:
			if s.to, err = scanAddress(value); err != nil {
				return s, err
			}
			// Senders put it last: then nothing is copied.
			before := s.body[: len(s.body)-len(entry) : len(s.body)-len(entry)]
			s.body = before
			if len(rest) > 0 {
				s.body = append(before, rest...)
				rest = s.body[len(before):]
			}
			continue
		case typeKey:
			kind, _, err := msgp.ReadStringZC(value)
			if err != nil {
				return s, fmt.Errorf("type: %w", err)
			}
			s.kind = string(kind)
		}
		s.count++
	}
	if len(rest) > 0 {
		return s, errTrailing
	}
	return s, nil
}

func scanAddress(b []byte) ([]string, error) {
	if msgp.NextType(b) == msgp.StrType {
		name, _ := readText(b)
		return []string{name}, nil
	}
	n, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, fmt.Errorf("%s: expected text or a list: %w", addressKey, err)
	}
	to := make([]string, n)
	for i := range to {
		if msgp.NextType(rest) != msgp.StrType {
			return nil, fmt.Errorf("%s: expected a list of text", addressKey)
		}
		to[i], rest = readText(rest)
	}
	return to, nil
}

func scanText(b []byte) (text, rest []byte, err error) {
	text, rest, err = msgp.ReadStringZC(b)
	if err == nil && !utf8.Valid(text) {
		err = errText
	}
	return text, rest, err
}

// scanValue checks a value and returns the bytes after it.
func scanValue(b []byte, depth int) (rest []byte, err error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch kind := msgp.NextType(b); kind {
	case msgp.StrType:
		_, rest, err = scanText(b)
		return rest, err
	case msgp.ArrayType:
		var n uint32
		n, rest, err = msgp.ReadArrayHeaderBytes(b)
		for ; err == nil && n > 0; n-- {
			rest, err = scanValue(rest, depth+1)
		}
		return rest, err
	case msgp.MapType:
		var n uint32
		n, rest, err = msgp.ReadMapHeaderBytes(b)
		for ; err == nil && n > 0; n-- {
			if _, rest, err = scanText(rest); err == nil {
				rest, err = scanValue(rest, depth+1)
			}
		}
		return rest, err
	case msgp.BinType, msgp.BoolType, msgp.IntType, msgp.UintType, msgp.Float32Type, msgp.Float64Type, msgp.NilType:
		return msgp.Skip(b)
	default:
		if len(b) == 0 {
			return nil, msgp.ErrShortBytes
		}
		return nil, fmt.Errorf("expected a value that Python processes can read, found MessagePack type %v", kind)
	}
}
