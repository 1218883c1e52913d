//go:build !wasip1

package guest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// readBothWays returns an event as readPlain and readAny read it.
func readBothWays(raw []byte) (plain, any string) {
	read := func(read func(*Socket, []byte) (uint32, string, bool)) string {
		var s Socket
		word, data, ok := read(&s, raw)
		if !ok {
			return "no event"
		}
		return fmt.Sprintf("%x %q %q %q %q %q %q %q", word, s.Route, s.Schema, s.TenantID, s.Identifier, s.State, s.Channel, data)
	}
	return read((*Socket).readPlain), read((*Socket).readAny)
}

// plainEvent returns an event with the fields that every event has.
func plainEvent(word uint32, fields ...string) []byte {
	b := abi.Begin(make([]byte, 512), word, plainFields)
	for i, f := range fields {
		if f != "" {
			b.Put(i, f)
		}
	}
	return b.Bytes()
}

func TestReadPlainReadsPlainEvents(t *testing.T) {
	for _, raw := range [][]byte{
		plainEvent(0), plainEvent(abi.EventBinary, "room", "acme", "7", "id", "state", "p!c", "data"), plainEvent(1001<<abi.EventCodeShift, "r", "s"),
	} {
		if plain, any := readBothWays(raw); plain != any || plain == "no event" {
			t.Errorf("event %x: readPlain returns %s, readAny %s", raw, plain, any)
		}
	}
}

func TestReadPlainLeavesOtherEventsToReadAny(t *testing.T) {
	b := abi.Begin(make([]byte, 512), 0, plainFields+1)
	b.Put(abi.EventRoute, "room")
	if plain, any := readBothWays(b.Bytes()); plain != "no event" || any == plain {
		t.Errorf("event with a further field: readPlain returns %s, readAny %s", plain, any)
	}
}

func FuzzPlainEvent(f *testing.F) {
	f.Add(plainEvent(0, "room", "acme", "7", "id", "state", "p!c", "data"))
	f.Add(plainEvent(abi.EventBinary))
	for _, stray := range []uint64{1, plainHead - 1, plainHead | 1<<32, plainHead | 0xffffffff<<32, 1 << 63, 0xffffffff, 1 << 32} {
		raw := plainEvent(0, "room")
		binary.LittleEndian.PutUint64(raw[8+8*abi.EventData:], stray)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		plain, any := readBothWays(raw)
		if len(raw) >= 8 && binary.LittleEndian.Uint32(raw[4:]) != plainFields {
			any = "no event"
		}
		if plain != any {
			t.Errorf("event %x: readPlain returns %s, readAny %s", raw, plain, any)
		}
	})
}

func TestTheConsumerOfARouteIsFoundAmongFewAndMany(t *testing.T) {
	for _, n := range []int{1, maxListed, maxListed + 1} {
		r := ByRoute{}
		for i := range n {
			r[fmt.Sprint("route", i)] = fixedReply{text: fmt.Sprint("consumer ", i)}
		}
		Serve(Handlers{Consumer: Consume(r)})
		if _, err := call(abi.ExportConfigure, []byte(`{"abi":1}`)); err != nil {
			t.Fatal(err)
		}
		for i := range n + 1 {
			want := fmt.Sprint("consumer ", i)
			if i == n {
				want = "\xf4\x03" // no consumer: closed with code 1012
			}
			reply, err := call(abi.ExportMessage, plainEvent(0, fmt.Sprint("route", i)))
			if err != nil {
				t.Fatal(err)
			}
			m, err := abi.Parse(reply)
			if got := m.Get(abi.EffectsData0); err != nil || string(got) != want {
				t.Errorf("%d routes, route %d: data %q, error %v, want %q", n, i, got, err, want)
			}
		}
	}
}

// fixedReply replies to every message with the same text.
type fixedReply struct {
	NopConsumer
	text string
}

func (c fixedReply) Message(s *Socket, _ Message) { s.SendText(c.text) }
