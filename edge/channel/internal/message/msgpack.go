package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// maxDepth bounds how deeply values nest. Python's decoder gives up at 1024;
// messages of applications need a few levels.
const maxDepth = 64

var (
	errDepth    = fmt.Errorf("expected at most %d nested levels, found more", maxDepth)
	errText     = errors.New("expected text to be valid UTF-8")
	errTrailing = errors.New("expected nothing after the map, found more bytes")
)

// headerLen returns the length of a map's header.
func headerLen(count uint32) int {
	switch {
	case count < 16:
		return 1
	case count <= math.MaxUint16:
		return 3
	default:
		return 5
	}
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errText
	}
	return msgp.AppendString(b, s), nil
}

// appendValue encodes a value as msgpack-python does: integers in their shortest
// form, unsigned unless negative; floats in 64 bits.
func appendValue(b []byte, value any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v := value.(type) {
	case nil:
		return msgp.AppendNil(b), nil
	case bool:
		return msgp.AppendBool(b, v), nil
	case string:
		return appendText(b, v)
	case []byte:
		return msgp.AppendBytes(b, v), nil
	case float64:
		return msgp.AppendFloat64(b, v), nil
	case float32:
		return msgp.AppendFloat64(b, float64(v)), nil
	case json.Number:
		return appendNumber(b, v)
	case []any:
		return appendList(b, v, depth)
	case map[string]any:
		return appendMap(b, v, depth)
	}
	if n, signed := asInt(value); signed {
		if n < 0 {
			return msgp.AppendInt64(b, n), nil
		}
		return msgp.AppendUint64(b, uint64(n)), nil
	}
	if n, unsigned := asUint(value); unsigned {
		return msgp.AppendUint64(b, n), nil
	}
	return nil, fmt.Errorf("expected nil, bool, a number, string, []byte, []any or map[string]any, found %T", value)
}

func asInt(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

func asUint(value any) (uint64, bool) {
	switch v := value.(type) {
	case uint:
		return uint64(v), true
	case uint8:
		return uint64(v), true
	case uint16:
		return uint64(v), true
	case uint32:
		return uint64(v), true
	case uint64:
		return v, true
	}
	return 0, false
}

// appendNumber encodes whole numbers as integers, as Python's json does.
func appendNumber(b []byte, n json.Number) ([]byte, error) {
	if i, err := n.Int64(); err == nil {
		return appendValue(b, i, 0)
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return msgp.AppendUint64(b, u), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("number %s: %w", clip(string(n)), err)
	}
	return msgp.AppendFloat64(b, f), nil
}

func appendList(b []byte, list []any, depth int) ([]byte, error) {
	var err error
	b = msgp.AppendArrayHeader(b, uint32(len(list)))
	for _, v := range list {
		if b, err = appendValue(b, v, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendMap(b []byte, entries map[string]any, depth int) ([]byte, error) {
	var err error
	b = msgp.AppendMapHeader(b, uint32(len(entries)))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if b, err = appendText(b, name); err != nil {
			return nil, err
		}
		if b, err = appendValue(b, entries[name], depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// readText and readValue cannot fail: scan, or the encoders of this file, have
// checked the bytes.
func readText(b []byte) (string, []byte) {
	text, rest, _ := msgp.ReadStringZC(b)
	return string(text), rest
}

func readValue(b []byte) (any, []byte) {
	switch msgp.NextType(b) {
	case msgp.StrType:
		return readText(b)
	case msgp.BinType:
		data, rest, _ := msgp.ReadBytesBytes(b, nil)
		return data, rest
	case msgp.BoolType:
		v, rest, _ := msgp.ReadBoolBytes(b)
		return v, rest
	case msgp.IntType, msgp.UintType:
		if v, rest, err := msgp.ReadInt64Bytes(b); err == nil {
			return v, rest
		}
		v, rest, _ := msgp.ReadUint64Bytes(b)
		return v, rest
	case msgp.Float32Type, msgp.Float64Type:
		v, rest, _ := msgp.ReadFloat64Bytes(b)
		return v, rest
	case msgp.ArrayType:
		n, rest, _ := msgp.ReadArrayHeaderBytes(b)
		list := make([]any, n)
		for i := range list {
			list[i], rest = readValue(rest)
		}
		return list, rest
	case msgp.MapType:
		n, rest, _ := msgp.ReadMapHeaderBytes(b)
		entries := make(map[string]any, n)
		for range n {
			var name string
			name, rest = readText(rest)
			entries[name], rest = readValue(rest)
		}
		return entries, rest
	default: // nil
		return nil, b[1:]
	}
}

// checkNoBinary fails for binary values, which JSON has no form for.
func checkNoBinary(value any) error {
	switch v := value.(type) {
	case []byte:
		return errors.New("expected no binary value: JSON cannot represent it")
	case []any:
		for _, e := range v {
			if err := checkNoBinary(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := checkNoBinary(e); err != nil {
				return err
			}
		}
	}
	return nil
}
