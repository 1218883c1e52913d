package channel_test

import (
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

func TestMessagesThatPythonCannotDecodeAreRejected(t *testing.T) {
	deep := strings.Repeat("91", 70) + "c0"
	for name, data := range map[string]string{
		"nothing":                                "",
		"a list":                                 "91a174",
		"text":                                   "a174",
		"a map that ends too early":              "82a474797065a174",
		"bytes after the map":                    "81a474797065a174c0",
		"a key that is a number":                 "8101a174",
		"a key that is binary":                   "81c40174a174",
		"a type that is a number":                "81a47479706501",
		"text that is not UTF-8":                 "82a474797065a174a161a2c328",
		"a key that is not UTF-8":                "82a474797065a174a2c32801",
		"an extension type":                      "82a474797065a174a161d40101",
		"a timestamp":                            "82a474797065a174a161d6ff00000000",
		"the byte that MessagePack does not use": "82a474797065a174a161c1",
		"a list longer than the data":            "82a474797065a174a161ddffffffff",
		"a map longer than the data":             "dfffffffff",
		"text longer than the data":              "82a474797065a174a161dbffffffff",
		"lists within lists":                     "82a474797065a174a161" + deep,
		"a number as a nested key":               "82a474797065a174a161810101",
		"an address":                             "82a474797065a174b05f5f617367695f6368616e6e656c5f5fa161",
		"an address that is a number":            "82a474797065a174b05f5f617367695f6368616e6e656c5f5f01",
		"an address of numbers":                  "82a474797065a174b05f5f617367695f6368616e6e656c5f5f9101",
	} {
		b, err := hex.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := channel.ParseMessage(b); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("%s: got %v, expected %v", name, err, channel.ErrMessage)
		}
	}
}

func TestMessagesThatCannotBeSentAreRejected(t *testing.T) {
	deep := any(1)
	for range 70 {
		deep = []any{deep}
	}
	for name, value := range map[string]any{
		"a time":                    time.Now(),
		"a struct":                  struct{}{},
		"text that is not UTF-8":    "\xff",
		"an invalid key":            map[string]any{"\xff": 1},
		"lists within lists":        deep,
		"a bad value within a list": []any{make(chan int)},
	} {
		if _, err := channel.NewMessage("t", channel.Field{Name: "value", Value: value}); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("%s: got %v, expected %v", name, err, channel.ErrMessage)
		}
	}
	for _, field := range []string{"type", "__asgi_channel__", "\xff"} {
		if _, err := channel.NewMessage("t", channel.Field{Name: field}); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("a field %q: got %v, expected %v", field, err, channel.ErrMessage)
		}
	}
	if _, err := channel.NewMessage(""); !errors.Is(err, channel.ErrMessage) {
		t.Errorf("without a type: got %v, expected %v", err, channel.ErrMessage)
	}
	for _, value := range []any{[]byte("b"), []any{[]byte("b")}, map[string]any{"k": []byte("b")}, math.NaN()} {
		m, err := channel.NewMessage("t", channel.Field{Name: "value", Value: value})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.MarshalJSON(); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("%v as JSON: got %v, expected %v", value, err, channel.ErrMessage)
		}
	}
}

func TestMessagesKeepTheirValues(t *testing.T) {
	entries := map[string]any{
		"type": "t", "nil": nil, "true": true, "int": int64(-1 << 40), "large": uint64(math.MaxUint64), "float": 0.5,
		"text": "hé😀", "binary": []byte{0, 255}, "list": []any{int64(1), []any{}}, "map": map[string]any{"k": map[string]any{}},
	}
	var fields []channel.Field
	for name, value := range entries {
		if name != "type" {
			fields = append(fields, channel.Field{Name: name, Value: value})
		}
	}
	m, err := channel.NewMessage("t", fields...)
	if err != nil {
		t.Fatal(err)
	}
	packed := m.AppendMsgPack(nil)
	again, err := channel.ParseMessage(packed)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Map(); !reflect.DeepEqual(got, entries) || again.Type() != "t" || again.Len() != len(packed) {
		t.Errorf("got %v, want %v", got, entries)
	}
	for _, n := range []any{1, int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1), uint64(1)} {
		m, err := channel.NewMessage("t", channel.Field{Name: "n", Value: n})
		if err != nil || m.Map()["n"] != int64(1) {
			t.Errorf("%T: got %v, %v", n, m.Map(), err)
		}
	}
}
