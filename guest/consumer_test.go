//go:build !wasip1

package guest_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
)

// recorder is a consumer that says what it was told, and does what do does.
type recorder struct {
	heard []string
	do    func(s *guest.Socket)
}

func (r *recorder) note(s *guest.Socket, format string, args ...any) {
	r.heard = append(r.heard, fmt.Sprintf("%s/%s/%s/%s/%s/%s: ", s.Route, s.Schema, s.TenantID, s.Identifier, s.Channel, s.State)+fmt.Sprintf(format, args...))
	if r.do != nil {
		r.do(s)
	}
}

func (r *recorder) Open(s *guest.Socket, h *guest.Handshake) {
	r.note(s, "open %s %s %q %v room=%q n=%q none=%q", h.Path, h.Kwargs, h.Protocols, h.Headers, h.Kwarg("room"), h.Kwarg("n"), h.Kwarg("none"))
}
func (r *recorder) Message(s *guest.Socket, m guest.Message) {
	r.note(s, "message %v %q", m.Binary, m.Data)
}
func (r *recorder) Close(s *guest.Socket, code int, reason string) {
	r.note(s, "close %d %s", code, reason)
}
func (r *recorder) Group(s *guest.Socket, e *guest.Event) { r.note(s, "group %s", e.Type()) }
func (r *recorder) Timer(s *guest.Socket)                 { r.note(s, "timer") }

// event is an event of a websocket with the fields given.
func event(word uint32, fields map[int]string) []byte {
	size := 1024
	for _, f := range fields {
		size += len(f)
	}
	b := abi.Begin(make([]byte, size), word, abi.EventHeader0+2)
	for i := range abi.EventHeader0 + 2 {
		if f, ok := fields[i]; ok {
			b.Put(i, f)
		}
	}
	return b.Bytes()
}

// effectsOf calls an export and lists the reply: state, protocol, status, and
// kind, name and data of each effect.
func effectsOf(t *testing.T, export string, msg []byte) (list string) {
	t.Helper()
	reply, err := guesttest.Call(export, msg)
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	if state, ok := m.Field(abi.EffectsState); ok {
		list += fmt.Sprintf("state %s;", state)
	}
	if protocol, ok := m.Field(abi.EffectsProtocol); ok {
		list += fmt.Sprintf("protocol %s;", protocol)
	}
	if status := m.Word() >> abi.EffectsStatusShift; status != 0 {
		list += fmt.Sprintf("status %d;", status)
	}
	for i, kind := range m.Get(abi.EffectsKinds) {
		list += fmt.Sprintf("%d %s", kind, m.Get(abi.EffectsName0+2*i))
		if data, ok := m.Field(abi.EffectsData0 + 2*i); ok {
			list += fmt.Sprintf(" %x", data)
		}
		list += ";"
	}
	return list
}

func TestEachEventReachesItsMethod(t *testing.T) {
	common := map[int]string{
		abi.EventRoute: "room", abi.EventSchema: "acme", abi.EventTenantID: "7", abi.EventIdentifier: "id",
		abi.EventChannel: "p!c", abi.EventState: "state",
	}
	with := func(fields map[int]string) map[int]string {
		for i, f := range common {
			fields[i] = f
		}
		return fields
	}
	r := &recorder{}
	if c := serve(t, guest.Handlers{Consumer: r}, &host{}); !c.Consumer {
		t.Error("the guest does not say that it is a consumer")
	}
	for _, c := range []struct {
		export string
		word   uint32
		fields map[int]string
		want   string
	}{
		{abi.ExportOpen, 0, with(map[int]string{abi.EventPath: "/a", abi.EventKwargs: `{"n": 12, "room" : "lo\u0062by"}`, abi.EventProtocols: "a\nb", abi.EventHeader0 + 1: "v"}),
			`open /a {"n": 12, "room" : "lo\u0062by"} ["a" "b"] [{ false} {v true}] room="lobby" n="12" none=""`},
		{abi.ExportMessage, 0, with(map[int]string{abi.EventData: "hi"}), `message false "hi"`},
		{abi.ExportMessage, abi.EventBinary, with(map[int]string{}), `message true ""`},
		{abi.ExportClose, 1001 << abi.EventCodeShift, with(map[int]string{abi.EventData: "bye"}), "close 1001 bye"},
		{abi.ExportGroup, 0, with(map[int]string{abi.EventData: "\x81\xa4type\xa1t"}), "group t"},
		{abi.ExportTimer, 0, with(map[int]string{}), "timer"},
	} {
		r.heard = nil
		if got := effectsOf(t, c.export, event(c.word, c.fields)); got != "" {
			t.Errorf("%s asks for %s", c.export, got)
		}
		if want := "room/acme/7/id/p!c/state: " + c.want; len(r.heard) != 1 || r.heard[0] != want {
			t.Errorf("%s is heard as\n%s, expected\n%s", c.export, r.heard, want)
		}
	}
}

func TestWhatAConsumerAsksForIsInTheReply(t *testing.T) {
	long := strings.Repeat("x", 3*abi.BufferSize)
	for _, c := range []struct {
		name string
		do   func(s *guest.Socket)
		want string
	}{
		{"nothing", func(*guest.Socket) {}, ""},
		{"a state", func(s *guest.Socket) { s.SetState("s") }, "state s;"},
		{"no state", func(s *guest.Socket) { s.SetState("") }, "state ;"},
		{"text and bytes", func(s *guest.Socket) { s.SendText("a"); s.SendBinary([]byte{0}); s.SendText("") }, "1  61;2  00;1  ;"},
		{"the message itself", func(s *guest.Socket) { s.SendText(s.State) }, "1  7374;"},
		{"groups", func(s *guest.Socket) { s.Add("g"); s.Discard("g") }, "3 g;4 g;"},
		{"a channel", func(s *guest.Socket) { s.OpenChannel() }, "9 ;"},
		{"an event", func(s *guest.Socket) { s.GroupSend("g", guest.NewEvent("t")) }, "5 g 81a474797065a174;"},
		{"a broadcast", func(s *guest.Socket) { s.Broadcast("g", "a") }, "5 g 82a474797065ae776562736f636b65742e73656e64a474657874a161;"},
		{"an event for one", func(s *guest.Socket) { s.ChannelSend("p!c", guest.NewEvent("t")) }, "6 p!c 81a474797065a174;"},
		{"a timer, rounded up", func(s *guest.Socket) { s.SetTimer(time.Microsecond); s.SetTimer(0); s.SetTimer(-1) }, "7  01000000;7  00000000;7  00000000;"},
		{"a timer beyond all", func(s *guest.Socket) { s.SetTimer(math.MaxInt64) }, "7  ffffffff;"},
		{"an end", func(s *guest.Socket) { s.Close(1000, "bye") }, "8 bye e803;"},
		{"more effects than a head in front of the arena has", func(s *guest.Socket) {
			for range 20 {
				s.SendText("a")
			}
		}, strings.Repeat("1  61;", 20)},
		{"more text than the arena has", func(s *guest.Socket) { s.SetState("s"); s.SendText(long) }, "state s;1  " + hex.EncodeToString([]byte(long)) + ";"},
	} {
		t.Run(c.name, func(t *testing.T) {
			serve(t, guest.Handlers{Consumer: &recorder{do: c.do}}, &host{})
			if got := effectsOf(t, abi.ExportMessage, event(0, map[int]string{abi.EventState: "st"})); got != c.want {
				t.Errorf("the reply is %.200s, expected %.200s", got, c.want)
			}
		})
	}
}

// answering is a consumer whose Open is a function.
type answering struct {
	guest.Quiet
	open func(s *guest.Socket, h *guest.Handshake)
}

func (a answering) Open(s *guest.Socket, h *guest.Handshake) { a.open(s, h) }

func TestAHandshakeIsAcceptedOrRefused(t *testing.T) {
	for _, c := range []struct {
		open func(s *guest.Socket, h *guest.Handshake)
		want string
	}{
		{func(*guest.Socket, *guest.Handshake) {}, ""},
		{func(_ *guest.Socket, h *guest.Handshake) { h.Speak("b") }, "protocol b;"},
		{func(s *guest.Socket, h *guest.Handshake) { s.SendText("a"); h.Refuse(403) }, "status 403;"},
	} {
		serve(t, guest.Handlers{Consumer: answering{open: c.open}}, &host{})
		if got := effectsOf(t, abi.ExportOpen, event(0, map[int]string{abi.EventProtocols: "a\nb"})); got != c.want {
			t.Errorf("the reply is %s, expected %s", got, c.want)
		}
	}
}

func TestConsumersByRoute(t *testing.T) {
	one := &recorder{}
	serve(t, guest.Handlers{Consumer: guest.ByRoute{"one": one}}, &host{})
	events := map[string]map[int]string{abi.ExportOpen: {}, abi.ExportMessage: {}, abi.ExportTimer: {}, abi.ExportClose: {}, abi.ExportGroup: {abi.EventData: "\x80"}}
	for export, fields := range events {
		fields[abi.EventRoute] = "one"
		effectsOf(t, export, event(0, fields))
	}
	if len(one.heard) != len(events) {
		t.Errorf("the consumer of the route heard %q", one.heard)
	}
	for export, fields := range events {
		fields[abi.EventRoute] = "two"
		want := "8  f403;"
		switch export {
		case abi.ExportOpen:
			want = "status 404;"
		case abi.ExportClose:
			want = ""
		}
		if got := effectsOf(t, export, event(0, fields)); got != want {
			t.Errorf("%s of a route without consumer replies %q, expected %q", export, got, want)
		}
	}
}

func TestWhatIsNoEventHasNoAnswer(t *testing.T) {
	serve(t, guest.Handlers{Consumer: guest.Quiet{}}, &host{})
	for _, c := range []struct {
		export string
		msg    []byte
	}{
		{abi.ExportMessage, nil},
		{abi.ExportMessage, []byte("nonsense")},
		{abi.ExportGroup, event(0, nil)},
		{abi.ExportGroup, event(0, map[int]string{abi.EventData: "\x81\xa4type"})},
		{abi.ExportGroup, event(0, map[int]string{abi.EventData: "\x80\x80"})},
	} {
		if reply, err := guesttest.Call(c.export, c.msg); !errors.Is(err, guesttest.ErrNoAnswer) {
			t.Errorf("%s answers %x, %v", c.export, reply, err)
		}
	}
	serve(t, guest.Handlers{}, &host{})
	if reply, err := guesttest.Call(abi.ExportMessage, event(0, nil)); !errors.Is(err, guesttest.ErrNoAnswer) {
		t.Errorf("a guest without consumer answers %x, %v", reply, err)
	}
}

func TestAnEventHasWhatWasPutIn(t *testing.T) {
	for _, size := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		text := strings.Repeat("x", size)
		e := guest.NewEvent("t").WithText("text", text).WithBytes("bytes", []byte(text))
		if got, ok := e.Text("text"); !ok || got != text {
			t.Errorf("a text of %d bytes comes out with %d (found: %v)", size, len(got), ok)
		}
		if got, ok := e.Bytes("bytes"); !ok || string(got) != text {
			t.Errorf("%d bytes come out as %d (found: %v)", size, len(got), ok)
		}
	}
	for _, n := range []int64{0, 1, -1, -32, -33, 127, 128, -128, 1 << 40, math.MaxInt64, math.MinInt64} {
		if got, ok := guest.NewEvent("t").WithInt("n", n).Int("n"); !ok || got != n {
			t.Errorf("%d comes out as %d (found: %v)", n, got, ok)
		}
	}
	e := guest.NewEvent("t").WithBool("yes", true).WithBool("no", false).WithFloat("f", 1.5).WithInt("i", 2).WithPacked("list", []byte{0x92, 1, 0xc0})
	if yes, ok := e.Bool("yes"); !yes || !ok {
		t.Error("true comes out as false")
	}
	if no, ok := e.Bool("no"); no || !ok {
		t.Error("false comes out as true")
	}
	if f, ok := e.Float("f"); f != 1.5 || !ok {
		t.Errorf("1.5 comes out as %v", f)
	}
	if f, ok := e.Float("i"); f != 2 || !ok {
		t.Errorf("2 comes out as %v", f)
	}
	if list, ok := e.Packed("list"); string(list) != "\x92\x01\xc0" || !ok {
		t.Errorf("a list comes out as %x", list)
	}
	for _, name := range []string{"none", "yes", "list"} {
		if _, ok := e.Text(name); ok {
			t.Errorf("%s is text", name)
		}
		if _, ok := e.Int(name); ok {
			t.Errorf("%s is a whole number", name)
		}
		if _, ok := e.Bytes(name); ok {
			t.Errorf("%s is bytes", name)
		}
		if _, ok := e.Float(name); ok {
			t.Errorf("%s is a number", name)
		}
	}
}

// reader is a consumer that reads all of an event.
type reader struct{ guest.Quiet }

func (reader) Group(s *guest.Socket, e *guest.Event) {
	for _, name := range []string{"type", "a", ""} {
		if text, ok := e.Text(name); ok {
			s.SendText(text)
		}
		e.Bytes(name)
		e.Int(name)
		e.Float(name)
		e.Bool(name)
		e.Packed(name)
	}
	s.GroupSend("g", e)
}

func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		"80", "81a474797065a174", "82a474797065a174a161cb3ff8000000000000", "81a16192 01c0", "81a161c403010203", "81a161d1ffff",
		"81a161df00000001a16101", "de0001a161da0001 78", "81a161ca3fc00000", "81a161c70101ff", "8fa0", "81a161dd ffffffff",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		guest.Serve(guest.Handlers{Consumer: reader{}})
		reply, err := guesttest.Call(abi.ExportGroup, event(0, map[int]string{abi.EventData: string(data)}))
		if err != nil {
			return
		}
		m, err := abi.Parse(reply)
		if err != nil {
			t.Fatal(err)
		}
		// What was read is sent on as it came, its header in the shortest form.
		kinds := m.Get(abi.EffectsKinds)
		sent := m.Get(abi.EffectsData0 + 2*(len(kinds)-1))
		if len(sent) > len(data) || !strings.HasSuffix(string(data), string(sent[min(len(sent), 5):])) {
			t.Errorf("%x is sent on as %x", data, sent)
		}
	})
}
