package guest

import (
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Socket is a websocket, as long as one event lasts. Strings in it lie in a
// buffer that is gone afterwards. A test makes one and looks at its Effects.
type Socket struct {
	Route      string // name of the route that matched
	Schema     string // the tenant's
	TenantID   string // empty for a static tenant
	Identifier string // stands for the tenant in file paths and URLs
	// Channel is the name by which others can send to the socket; empty if it
	// has none yet, see OpenChannel.
	Channel string
	// State is what SetState was given at an earlier event, or in this one.
	State string

	changed bool // the state
	effects []Effect
	room    [4]Effect // most events have no more
}

// Effect is a thing that a consumer asked for; abi.Effect says what name and
// data are.
type Effect struct {
	Kind       abi.Effect
	Name, Data string
}

// Effects are what was asked of the socket so far: for tests.
func (s *Socket) Effects() []Effect { return s.effects }

func (s *Socket) ask(kind abi.Effect, name, data string) {
	s.effects = append(s.effects, Effect{kind, name, data})
}

// SetState keeps what the next events of this socket need to know, at most
// abi.MaxState bytes. The program that reads it may be a newer one.
func (s *Socket) SetState(state string) { s.State, s.changed = state, true }

// SendText sends text, which must be UTF-8.
func (s *Socket) SendText(text string) { s.ask(abi.SendText, "", text) }

// SendBinary sends bytes. They must not be changed before the handler returns.
func (s *Socket) SendBinary(data []byte) { s.ask(abi.SendBinary, "", text(data)) }

// Send sends m, as text or binary.
func (s *Socket) Send(m Message) {
	if m.Binary {
		s.SendBinary(m.Data)
		return
	}
	s.SendText(m.Text())
}

// Add makes the socket a member of one of the tenant's groups.
func (s *Socket) Add(group string) { s.ask(abi.GroupAdd, group, "") }

// Discard ends a membership. All end with the socket.
func (s *Socket) Discard(group string) { s.ask(abi.GroupDiscard, group, "") }

// GroupSend sends an event to all members of a group, Django consumers
// included. Each socket of a guest that is a member gets it by
// Consumer.Group, this one too.
func (s *Socket) GroupSend(group string, e *Event) { s.ask(abi.GroupSend, group, e.packed()) }

// Broadcast sends text to the clients of all members of a group, for which no
// guest is called; see abi.TypeSend.
func (s *Socket) Broadcast(group, text string) {
	s.GroupSend(group, NewEvent(abi.TypeSend).WithText("text", text))
}

// ChannelSend sends an event to one channel: that of another socket, or one
// that a Django worker receives.
func (s *Socket) ChannelSend(channel string, e *Event) { s.ask(abi.ChannelSend, channel, e.packed()) }

// OpenChannel gives the socket a channel; its name is in Channel from the next
// event on.
func (s *Socket) OpenChannel() { s.ask(abi.OpenChannel, "", "") }

// SetTimer has Consumer.Timer called after d, once, in place of the timer that
// was set before. Zero takes that one back.
func (s *Socket) SetTimer(d time.Duration) {
	ms := max(0, d) / time.Millisecond
	if d > ms*time.Millisecond && d > 0 {
		ms++
	}
	ms = min(ms, 1<<32-1)
	s.ask(abi.SetTimer, "", string(binary.LittleEndian.AppendUint32(nil, uint32(ms))))
}

// Close closes the websocket with a code of RFC 6455, and is the last thing to
// be asked of it.
func (s *Socket) Close(code int, reason string) {
	s.ask(abi.CloseSocket, reason, string(binary.LittleEndian.AppendUint16(nil, uint16(code))))
}

// effects writes the reply to an event: its head in front of the arena, where
// there is room, so that text of the event is sent from where it lies.
func (a *arena) effects(word uint32, protocol string, s *Socket) []byte {
	if len(s.effects) == 1 && word == 0 && protocol == "" && !s.changed && a.large == nil {
		if reply := a.one(&s.effects[0]); reply != nil {
			return reply
		}
	}
	n := abi.EffectsName0 + 2*len(s.effects)
	if len(s.effects) == 0 && protocol == "" {
		n = abi.EffectsState + 1
	}
	head := 8 + 8*n
	if start := headRoom - head; a.large == nil && start >= 0 {
		w := writer{out: a.static[start:], end: bodyAt - start + a.used}
		if w.effects(word, n, protocol, s); w.end <= len(w.out) {
			return w.out[:w.end]
		}
	}
	w := writer{out: make([]byte, head+len(protocol)+s.size()), end: head}
	w.effects(word, n, protocol, s)
	return w.out[:w.end]
}

// effects writes a reply of n fields.
func (w *writer) effects(word uint32, n int, protocol string, s *Socket) {
	head := 8 + 8*n
	binary.LittleEndian.PutUint32(w.out, word)
	binary.LittleEndian.PutUint32(w.out[4:], uint32(n))
	clear(w.out[8:head])
	if s.changed {
		w.put(abi.EffectsState, s.State, head)
	}
	if protocol != "" {
		w.put(abi.EffectsProtocol, protocol, head)
	}
	if len(s.effects) == 0 {
		return
	}
	kinds := w.end
	for i := range s.effects {
		if w.end < len(w.out) {
			w.out[w.end] = byte(s.effects[i].Kind)
		}
		w.end++
	}
	putEntry(w.out, abi.EffectsKinds, entry(kinds, w.end))
	for i := range s.effects {
		e := &s.effects[i]
		if e.Name != "" {
			w.put(abi.EffectsName0+2*i, e.Name, head)
		}
		if e.takesData() {
			w.put(abi.EffectsData0+2*i, e.Data, head)
		}
	}
}

// takesData reports whether an effect has data, be it empty.
func (e *Effect) takesData() bool {
	switch e.Kind {
	case abi.GroupAdd, abi.GroupDiscard, abi.OpenChannel:
		return false
	}
	return true
}

// size is what all text of the effects takes.
func (s *Socket) size() int {
	n := len(s.State) + len(s.effects)
	for i := range s.effects {
		n += len(s.effects[i].Name) + len(s.effects[i].Data)
	}
	return n
}

// put sets field i of the reply.
func (w *writer) put(i int, s string, head int) { putEntry(w.out, i, w.place(s, head)) }

// place is the entry of a field: where s lies in the reply, or is appended.
func (w *writer) place(s string, head int) uint64 {
	at := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.SliceData(w.out)))
	// What ends where the reply begins has a sum of zero.
	if end := uintptr(w.end); at < uintptr(head) || at > end || at+uintptr(len(s)) > end {
		at = w.append(s)
	}
	return uint64(at) | uint64(len(s))<<32
}

// unsafeBytes takes a string for bytes where they lie.
func unsafeBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
