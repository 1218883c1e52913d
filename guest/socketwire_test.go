//go:build !wasip1

package guest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// readings are an event as it is read without a loop and with one.
func readings(raw []byte) (plain, any string) {
	show := func(read func(*Socket, []byte) (uint32, string, bool)) string {
		var s Socket
		word, data, ok := read(&s, raw)
		if !ok {
			return "no event"
		}
		return fmt.Sprintf("%x %q %q %q %q %q %q %q", word, s.Route, s.Schema, s.TenantID, s.Identifier, s.State, s.Channel, data)
	}
	return show((*Socket).readPlain), show((*Socket).readAny)
}

// plainEvent is an event as the host writes it.
func plainEvent(word uint32, fields ...string) []byte {
	b := abi.Begin(make([]byte, 512), word, plainFields)
	for i, f := range fields {
		if f != "" {
			b.Put(i, f)
		}
	}
	return b.Bytes()
}

func TestAPlainEventIsReadWithoutALoop(t *testing.T) {
	for _, raw := range [][]byte{
		plainEvent(0), plainEvent(abi.EventBinary, "room", "acme", "7", "id", "state", "p!c", "data"), plainEvent(1001<<abi.EventCodeShift, "r", "s"),
	} {
		if plain, any := readings(raw); plain != any || plain == "no event" {
			t.Errorf("%x is read as %s, expected %s", raw, plain, any)
		}
	}
}

func TestWhatIsNotPlainIsLeftToTheLongWay(t *testing.T) {
	b := abi.Begin(make([]byte, 512), 0, plainFields+1)
	b.Put(abi.EventRoute, "room")
	if plain, any := readings(b.Bytes()); plain != "no event" || any == plain {
		t.Errorf("an event with a further field is read as %s and %s", plain, any)
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
		plain, any := readings(raw)
		if len(raw) >= 8 && binary.LittleEndian.Uint32(raw[4:]) != plainFields {
			any = "no event"
		}
		if plain != any {
			t.Errorf("%x is read as %s, expected %s", raw, plain, any)
		}
	})
}

func TestConsumersOfAFewRoutesAreFoundAsThoseOfMany(t *testing.T) {
	for _, n := range []int{1, mostRouted, mostRouted + 1} {
		r := ByRoute{}
		for i := range n {
			r[fmt.Sprint("route", i)] = saying{text: fmt.Sprint("consumer ", i)}
		}
		Serve(Handlers{Consumer: r})
		if _, err := call(abi.ExportConfigure, []byte(`{"abi":1}`)); err != nil {
			t.Fatal(err)
		}
		for i := range n + 1 {
			want := fmt.Sprint("consumer ", i)
			if i == n {
				want = "\xf4\x03" // nobody's: to come again
			}
			reply, err := call(abi.ExportMessage, plainEvent(0, fmt.Sprint("route", i)))
			if err != nil {
				t.Fatal(err)
			}
			m, err := abi.Parse(reply)
			if got := m.Get(abi.EffectsData0); err != nil || string(got) != want {
				t.Errorf("of %d routes, number %d says %q (%v), expected %q", n, i, got, err, want)
			}
		}
	}
}

// saying says one thing to all.
type saying struct {
	Quiet
	text string
}

func (c saying) Message(s *Socket, _ Message) { s.SendText(c.text) }
