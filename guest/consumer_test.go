//go:build !wasip1

package guest_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
)

// recorder is a consumer that records its events and calls do for each.
type recorder struct {
	events []string
	do     func(s *guest.Socket)
}

func (r *recorder) record(s *guest.Socket, format string, args ...any) {
	r.events = append(r.events, fmt.Sprintf("%s/%s/%s/%s/%s/%s: ", s.Route, s.Schema, s.TenantID, s.Identifier, s.Channel, s.State)+fmt.Sprintf(format, args...))
	if r.do != nil {
		r.do(s)
	}
}

func (r *recorder) Open(s *guest.Socket, h *guest.Handshake) {
	r.record(s, "open %s %s %q %v room=%q n=%q none=%q", h.Path, h.Kwargs, h.Protocols, h.Headers, h.Kwarg("room"), h.Kwarg("n"), h.Kwarg("none"))
}
func (r *recorder) Message(s *guest.Socket, m guest.Message) {
	r.record(s, "message %v %q", m.Binary, m.Data)
}
func (r *recorder) Close(s *guest.Socket, code int, reason string) {
	r.record(s, "close %d %s", code, reason)
}
func (r *recorder) Group(s *guest.Socket, e *guest.Event) { r.record(s, "group %s", e.Type()) }
func (r *recorder) Timer(s *guest.Socket)                 { r.record(s, "timer") }

// event returns the message of a websocket event.
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

// effectsOf calls an export and formats its reply: state, protocol, status, and
// the kind, name and data of each effect.
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
	if c := serve(t, guest.Handlers{Consumer: guest.Consume(r)}, &host{}); !c.Consumer {
		t.Error("Configured.Consumer is false, want true")
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
		r.events = nil
		if got := effectsOf(t, c.export, event(c.word, c.fields)); got != "" {
			t.Errorf("%s: effects %s, want none", c.export, got)
		}
		if want := "room/acme/7/id/p!c/state: " + c.want; len(r.events) != 1 || r.events[0] != want {
			t.Errorf("%s: the consumer got\n%s, want\n%s", c.export, r.events, want)
		}
	}
}

func TestTheReplyHasTheEffectsThatAConsumerRequests(t *testing.T) {
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
		{"groups", func(s *guest.Socket) { s.GroupAdd("g"); s.GroupDiscard("g") }, "3 g;4 g;"},
		{"a channel", func(s *guest.Socket) { s.OpenChannel() }, "9 ;"},
		{"an event", func(s *guest.Socket) { s.GroupSend("g", guest.NewEvent("t")) }, "5 g 81a474797065a174;"},
		{"a broadcast", func(s *guest.Socket) { s.Broadcast("g", "a") }, "5 g 82a474797065ae776562736f636b65742e73656e64a474657874a161;"},
		{"an event for a channel", func(s *guest.Socket) { s.ChannelSend("p!c", guest.NewEvent("t")) }, "6 p!c 81a474797065a174;"},
		{"a timer", func(s *guest.Socket) { s.SetTimer(1); s.SetTimer(0); s.SetTimer(-1) }, "7  01000000;7  00000000;7  00000000;"},
		{"a timer over the maximum", func(s *guest.Socket) { s.SetTimer(math.MaxInt64) }, "7  ffffffff;"},
		{"a close", func(s *guest.Socket) { s.Close(1000, "bye") }, "8 bye e803;"},
		{"more effects than fit the head in the arena", func(s *guest.Socket) {
			for range 20 {
				s.SendText("a")
			}
		}, strings.Repeat("1  61;", 20)},
		{"more text than fits the arena", func(s *guest.Socket) { s.SetState("s"); s.SendText(long) }, "state s;1  " + hex.EncodeToString([]byte(long)) + ";"},
	} {
		t.Run(c.name, func(t *testing.T) {
			serve(t, guest.Handlers{Consumer: guest.Consume(&recorder{do: c.do})}, &host{})
			if got := effectsOf(t, abi.ExportMessage, event(0, map[int]string{abi.EventState: "st"})); got != c.want {
				t.Errorf("reply %.200s, want %.200s", got, c.want)
			}
		})
	}
}

// openFunc is a consumer with a function as its Open.
type openFunc struct {
	guest.NopConsumer
	open func(s *guest.Socket, h *guest.Handshake)
}

func (o openFunc) Open(s *guest.Socket, h *guest.Handshake) { o.open(s, h) }

func TestAHandshakeIsAcceptedOrRejected(t *testing.T) {
	for _, c := range []struct {
		open func(s *guest.Socket, h *guest.Handshake)
		want string
	}{
		{func(*guest.Socket, *guest.Handshake) {}, ""},
		{func(_ *guest.Socket, h *guest.Handshake) { h.SetProtocol("b") }, "protocol b;"},
		{func(s *guest.Socket, h *guest.Handshake) { s.SendText("a"); h.Reject(403) }, "status 403;"},
	} {
		serve(t, guest.Handlers{Consumer: guest.Consume(openFunc{open: c.open})}, &host{})
		if got := effectsOf(t, abi.ExportOpen, event(0, map[int]string{abi.EventProtocols: "a\nb"})); got != c.want {
			t.Errorf("reply %s, want %s", got, c.want)
		}
	}
}

func TestConsumersByRoute(t *testing.T) {
	one := &recorder{}
	serve(t, guest.Handlers{Consumer: guest.Consume(guest.ByRoute{"one": one})}, &host{})
	events := map[string]map[int]string{abi.ExportOpen: {}, abi.ExportMessage: {}, abi.ExportTimer: {}, abi.ExportClose: {}, abi.ExportGroup: {abi.EventData: "\x80"}}
	for export, fields := range events {
		fields[abi.EventRoute] = "one"
		effectsOf(t, export, event(0, fields))
	}
	if len(one.events) != len(events) {
		t.Errorf("the consumer of route one got the events %q, want %d", one.events, len(events))
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
			t.Errorf("%s for a route without a consumer: reply %q, want %q", export, got, want)
		}
	}
}

func TestAMalformedEventHasNoReply(t *testing.T) {
	serve(t, guest.Handlers{Consumer: guest.Consume(guest.NopConsumer{})}, &host{})
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
			t.Errorf("%s(%x): reply %x, error %v, want ErrNoAnswer", c.export, c.msg, reply, err)
		}
	}
	serve(t, guest.Handlers{}, &host{})
	if reply, err := guesttest.Call(abi.ExportMessage, event(0, nil)); !errors.Is(err, guesttest.ErrNoAnswer) {
		t.Errorf("guest without a consumer: reply %x, error %v, want ErrNoAnswer", reply, err)
	}
}

func TestAnEventReturnsTheValuesThatWereAdded(t *testing.T) {
	for _, size := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		text := strings.Repeat("x", size)
		e := guest.NewEvent("t").WithText("text", text).WithBytes("bytes", []byte(text))
		if got, ok := e.Text("text"); !ok || got != text {
			t.Errorf("text of %d bytes: got %d bytes, found %v", size, len(got), ok)
		}
		if got, ok := e.Bytes("bytes"); !ok || string(got) != text {
			t.Errorf("%d bytes: got %d bytes, found %v", size, len(got), ok)
		}
	}
	for _, n := range []int64{0, 1, -1, -32, -33, 127, 128, -128, 1 << 40, math.MaxInt64, math.MinInt64} {
		if got, ok := guest.NewEvent("t").WithInt("n", n).Int("n"); !ok || got != n {
			t.Errorf("integer %d: got %d, found %v", n, got, ok)
		}
	}
	e := guest.NewEvent("t").WithBool("yes", true).WithBool("no", false).WithFloat("f", 1.5).WithInt("i", 2).WithPacked("list", []byte{0x92, 1, 0xc0})
	if yes, ok := e.Bool("yes"); !yes || !ok {
		t.Errorf("true: got %v, found %v", yes, ok)
	}
	if no, ok := e.Bool("no"); no || !ok {
		t.Errorf("false: got %v, found %v", no, ok)
	}
	if f, ok := e.Float("f"); f != 1.5 || !ok {
		t.Errorf("1.5: got %v, found %v", f, ok)
	}
	if f, ok := e.Float("i"); f != 2 || !ok {
		t.Errorf("integer 2 as a float: got %v, found %v", f, ok)
	}
	if list, ok := e.Packed("list"); string(list) != "\x92\x01\xc0" || !ok {
		t.Errorf("list: got %x, found %v", list, ok)
	}
	for _, name := range []string{"none", "yes", "list"} {
		if _, ok := e.Text(name); ok {
			t.Errorf("Text(%q) finds a value, want none", name)
		}
		if _, ok := e.Int(name); ok {
			t.Errorf("Int(%q) finds a value, want none", name)
		}
		if _, ok := e.Bytes(name); ok {
			t.Errorf("Bytes(%q) finds a value, want none", name)
		}
		if _, ok := e.Float(name); ok {
			t.Errorf("Float(%q) finds a value, want none", name)
		}
	}
}

// resender is a consumer that reads an event with every method and sends it on.
type resender struct{ guest.NopConsumer }

func (resender) Group(s *guest.Socket, e *guest.Event) {
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
		guest.Serve(guest.Handlers{Consumer: guest.Consume(resender{})})
		reply, err := guesttest.Call(abi.ExportGroup, event(0, map[int]string{abi.EventData: string(data)}))
		if err != nil {
			return
		}
		m, err := abi.Parse(reply)
		if err != nil {
			t.Fatal(err)
		}
		// The entries are unchanged; the map's header is in its shortest form.
		kinds := m.Get(abi.EffectsKinds)
		sent := m.Get(abi.EffectsData0 + 2*(len(kinds)-1))
		if len(sent) > len(data) || !strings.HasSuffix(string(data), string(sent[min(len(sent), 5):])) {
			t.Errorf("event %x is sent on as %x", data, sent)
		}
	})
}
