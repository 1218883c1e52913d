package message_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

func TestJSONIsParsedAndRejected(t *testing.T) {
	for _, data := range []string{"", "null", "[]", "{}x", `{"type":1}`, `{"n":1e999}`} {
		if _, _, err := message.ParseAddressedJSON([]byte(data)); err == nil {
			t.Errorf("%s: expected an error", data)
		}
	}
	m, to, err := message.ParseAddressedJSON([]byte(` {"type": "t", "i": 12, "huge": 18446744073709551615, "f": 1.5, "l": [true, null]} `))
	if err != nil || to != nil {
		t.Fatal(to, err)
	}
	want := map[string]any{"type": "t", "i": int64(12), "huge": uint64(math.MaxUint64), "f": 1.5, "l": []any{true, nil}}
	if got := m.Map(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, to, err := message.ParseAddressedJSON([]byte(`{"type":"t","__asgi_channel__":"x"}`)); err != nil || !reflect.DeepEqual(to, []string{"x"}) {
		t.Errorf("got the address %q, %v", to, err)
	}
}

func TestAnAddressIsRemovedAnywhereInTheMap(t *testing.T) {
	m := message.New("t")
	if err := m.Append("n", 1); err != nil {
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
		got, to, err := message.ParseAddressed(b)
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
		got, to, err := message.ParseAddressedJSON(text)
		if err != nil || !reflect.DeepEqual(to, []string{"a"}) || !reflect.DeepEqual(got.Map(), m.Map()) {
			t.Errorf("%s: got %v for %q, %v", text, got, to, err)
		}
	}
}

// FuzzParse checks that a parsed message can be encoded, parsed again and decoded.
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
		m, _, err := message.ParseAddressed(bytes.Clone(data))
		if err != nil {
			return
		}
		packed := m.AppendMsgPack(nil)
		again, err := message.Parse(packed)
		if err != nil || len(packed) != m.Len() {
			t.Fatalf("encoded %d bytes, and Len is %d; %v", len(packed), m.Len(), err)
		}
		if kind, ok := again.Map()["type"].(string); ok && kind != again.Type {
			t.Fatalf("type %q and entry %q", again.Type, kind)
		}
		if again.Type == "" {
			return
		}
		encoded := message.New(again.Type)
		for name, value := range m.Map() {
			if name == "type" {
				continue
			}
			if err := encoded.Append(name, value); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzParseJSON checks the same for JSON.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{"{}", `{"type":"t","__asgi_channel__":["a"]}`, `{"n":1e400}`, `{"type":"t","l":[1,-1,1.5,null,true,{"k":"\ud800"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := message.ParseAddressedJSON(data)
		if err != nil {
			return
		}
		text, err := m.AddressedJSON(false, "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, to, err := message.ParseAddressedJSON(text); err != nil || len(to) != 1 {
			t.Fatalf("%s: %q, %v", text, to, err)
		}
	})
}
