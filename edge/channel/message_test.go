package channel_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

func TestWhatPythonProcessesWouldNotReadIsRefused(t *testing.T) {
	deep := strings.Repeat("91", 70) + "c0"
	for name, data := range map[string]string{
		"nothing":                     "",
		"a list":                      "91a174",
		"text":                        "a174",
		"a map that ends too early":   "82a474797065a174",
		"bytes behind the map":        "81a474797065a174c0",
		"a key that is a number":      "8101a174",
		"a key that is binary":        "81c40174a174",
		"a type that is a number":     "81a47479706501",
		"text that is not UTF-8":      "82a474797065a174a161a2c328",
		"a key that is not UTF-8":     "82a474797065a174a2c32801",
		"an extension type":           "82a474797065a174a161d40101",
		"a timestamp":                 "82a474797065a174a161d6ff00000000",
		"the byte that is never used": "82a474797065a174a161c1",
		"a list longer than the data": "82a474797065a174a161ddffffffff",
		"a map longer than the data":  "dfffffffff",
		"text longer than the data":   "82a474797065a174a161dbffffffff",
		"lists within lists":          "82a474797065a174a161" + deep,
		"a number as a nested key":    "82a474797065a174a161810101",
		"an address":                  "82a474797065a174b05f5f617367695f6368616e6e656c5f5fa161",
		"an address that is a number": "82a474797065a174b05f5f617367695f6368616e6e656c5f5f01",
		"an address of numbers":       "82a474797065a174b05f5f617367695f6368616e6e656c5f5f9101",
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

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	deep := any(1)
	for range 70 {
		deep = []any{deep}
	}
	for name, value := range map[string]any{
		"a time":                    time.Now(),
		"a struct":                  struct{}{},
		"text that is not UTF-8":    "\xff",
		"a bad key":                 map[string]any{"\xff": 1},
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
	for _, entries := range []map[string]any{nil, {"type": 1}, {"type": ""}, {"type": "t", "__asgi_channel__": "x"}} {
		if _, err := channel.MessageOf(entries); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("%v: got %v, expected %v", entries, err, channel.ErrMessage)
		}
	}
	for _, data := range []string{"", "null", "[]", "{}x", `{"type":1}`, `{"n":1e999}`, `{"type":"t","__asgi_channel__":"x"}`} {
		if _, err := channel.ParseJSON([]byte(data)); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("%s: got %v, expected %v", data, err, channel.ErrMessage)
		}
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
	m, err := channel.MessageOf(entries)
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
	fromJSON, err := channel.ParseJSON([]byte(` {"type": "t", "i": 12, "huge": 18446744073709551615, "f": 1.5, "l": [true, null]} `))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "t", "i": int64(12), "huge": uint64(math.MaxUint64), "f": 1.5, "l": []any{true, nil}}
	if got := fromJSON.Map(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnAddressIsTakenOutWhereverItStands(t *testing.T) {
	m, err := channel.NewMessage("t", channel.Field{Name: "n", Value: 1})
	if err != nil {
		t.Fatal(err)
	}
	const address = "b05f5f617367695f6368616e6e656c5f5f92a161a162"
	for _, data := range []string{
		"83" + address + "a474797065a174" + "a16e01",
		"83" + "a474797065a174" + address + "a16e01",
		"83" + "a474797065a174" + "a16e01" + address,
		"84" + "a474797065a174" + address + "a16e01" + address,
	} {
		b, err := hex.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(b)
		got, to, err := channel.ParseAddressed(b)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !bytes.Equal(got.AppendMsgPack(nil), m.AppendMsgPack(nil)) || !reflect.DeepEqual(to, []string{"a", "b"}) {
			t.Errorf("%s: got %v for %q", data, got.Map(), to)
		}
		if !bytes.Equal(b, before) {
			t.Errorf("%s: the data was changed", data)
		}
	}
	for _, direct := range []bool{true, false} {
		text, err := m.AddressedJSON(direct, "a")
		if err != nil {
			t.Fatal(err)
		}
		got, to, err := channel.ParseAddressedJSON(text)
		if err != nil || !reflect.DeepEqual(to, []string{"a"}) || !reflect.DeepEqual(got.Map(), m.Map()) {
			t.Errorf("%s: got %v for %q, %v", text, got, to, err)
		}
	}
}

// FuzzParse holds that what was parsed can be encoded, decoded and parsed again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"80", "81a474797065a174", "82a474797065a174b05f5f617367695f6368616e6e656c5f5f92a161a162",
		"8ba474797065a174a46e6f6e65c0a174c3a16901a36e6567ffa3626967cf0000010000000000a166cb3ff8000000000000a162c40200ffa175a768c3a9f09f9880a16c9201a178a16d81a16ba176",
		"dfffffffff", "82a474797065a174a161d6ff00000000",
	} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := channel.ParseAddressed(bytes.Clone(data))
		if err != nil {
			return
		}
		packed := m.AppendMsgPack(nil)
		again, err := channel.ParseMessage(packed)
		if err != nil || len(packed) != m.Len() {
			t.Fatalf("%d bytes, not the %d it says; %v", len(packed), m.Len(), err)
		}
		if kind, ok := again.Map()["type"].(string); ok && kind != again.Type() {
			t.Fatalf("type %q and entry %q", again.Type(), kind)
		}
		if again.Type() == "" {
			return
		}
		if _, err := channel.MessageOf(m.Map()); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzParseJSON holds the same of JSON.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{"{}", `{"type":"t","__asgi_channel__":["a"]}`, `{"n":1e400}`, `{"type":"t","l":[1,-1,1.5,null,true,{"k":"\ud800"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := channel.ParseAddressedJSON(data)
		if err != nil {
			return
		}
		text, err := m.AddressedJSON(false, "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, to, err := channel.ParseAddressedJSON(text); err != nil || len(to) != 1 {
			t.Fatalf("%s: %q, %v", text, to, err)
		}
	})
}
