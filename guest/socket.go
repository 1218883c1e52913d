package guest

import (
	"encoding/binary"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Socket is a websocket during one event. Its methods request effects, which the
// host executes after the event. Its strings are valid until the event ends. A
// test can create a Socket and read its Effects.
type Socket struct {
	Route      string // name of the route that matched
	Schema     string // the tenant's schema
	TenantID   string // empty for a static tenant
	Identifier string // the tenant's name in file paths and URLs
	// Channel is the name for sending to this socket, empty before OpenChannel or
	// GroupAdd.
	Channel string
	// State is the argument of the last SetState, in this event or before.
	State string

	changed bool // whether this event has set the state
	effects []Effect
	room    [4]Effect // backs effects; most events have no more
}

// Effect is a requested effect. abi.Effect has the meaning of name and data.
type Effect struct {
	Kind       abi.Effect
	Name, Data string
}

// Effects returns the effects requested so far. It is for tests.
func (s *Socket) Effects() []Effect { return s.effects }

func (s *Socket) request(kind abi.Effect, name, data string) {
	s.effects = append(s.effects, Effect{kind, name, data})
}

// SetState sets the State of the socket's next events, at most abi.MaxState bytes.
// A newer version of the guest may read it, after a swap.
func (s *Socket) SetState(state string) { s.State, s.changed = state, true }

// SendText sends text, which must be UTF-8.
func (s *Socket) SendText(text string) { s.request(abi.SendText, "", text) }

// SendBinary sends data, which must not change before the handler returns.
func (s *Socket) SendBinary(data []byte) { s.request(abi.SendBinary, "", text(data)) }

// Send sends m, as text or binary.
func (s *Socket) Send(m Message) {
	if m.Binary {
		s.SendBinary(m.Data)
		return
	}
	s.SendText(m.Text())
}

// GroupAdd adds the socket to a group of the tenant.
func (s *Socket) GroupAdd(group string) { s.request(abi.GroupAdd, group, "") }

// GroupDiscard removes the socket from a group. Closing the socket removes it from
// all groups.
func (s *Socket) GroupDiscard(group string) { s.request(abi.GroupDiscard, group, "") }

// GroupSend sends an event to all members of a group: Django consumers, and
// sockets of the guest, which receive it by Consumer.Group. If this socket is a
// member, it receives the event too.
func (s *Socket) GroupSend(group string, e *Event) { s.request(abi.GroupSend, group, e.packed()) }

// Broadcast sends text to the clients of all members of a group. The host does
// not call the guest for that: see abi.TypeSend.
func (s *Socket) Broadcast(group, text string) {
	s.GroupSend(group, NewEvent(abi.TypeSend).WithText("text", text))
}

// ChannelSend sends an event to a channel: that of another socket, or one that a
// Django worker reads.
func (s *Socket) ChannelSend(channel string, e *Event) {
	s.request(abi.ChannelSend, channel, e.packed())
}

// OpenChannel gives the socket a channel. The next events have its name in
// Channel.
func (s *Socket) OpenChannel() { s.request(abi.OpenChannel, "", "") }

// SetTimer sets the socket's timer, which calls Consumer.Timer once after a number
// of milliseconds, at most 1<<32 - 1. It replaces an earlier timer; zero cancels it.
func (s *Socket) SetTimer(milliseconds int64) {
	ms := uint32(max(0, min(milliseconds, 1<<32-1)))
	s.request(abi.SetTimer, "", string(binary.LittleEndian.AppendUint32(nil, ms)))
}

// Close closes the websocket with a status code of RFC 6455. It must be the last
// effect.
func (s *Socket) Close(code int, reason string) {
	s.request(abi.CloseSocket, reason, string(binary.LittleEndian.AppendUint16(nil, uint16(code))))
}

// effects writes the reply to an event. If there is room, the head is in the
// arena before the event, so that the reply can point to text of the event.
func (a *arena) effects(word uint32, protocol string, s *Socket) []byte {
	if len(s.effects) == 1 && word == 0 && protocol == "" && !s.changed && a.large == nil {
		if reply := a.singleEffect(&s.effects[0]); reply != nil {
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

// takesData reports whether an effect has data, which may be empty.
func (e *Effect) takesData() bool {
	switch e.Kind {
	case abi.GroupAdd, abi.GroupDiscard, abi.OpenChannel:
		return false
	}
	return true
}

// size returns the number of bytes of the state and of all effects.
func (s *Socket) size() int {
	n := len(s.State) + len(s.effects)
	for i := range s.effects {
		n += len(s.effects[i].Name) + len(s.effects[i].Data)
	}
	return n
}

// put sets field i of the reply.
func (w *writer) put(i int, s string, head int) { putEntry(w.out, i, w.entryOf(s, head)) }

// entryOf returns the table entry of a field with text s. It appends s unless s is
// inside the reply already.
func (w *writer) entryOf(s string, head int) uint64 {
	at := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.SliceData(w.out)))
	// If s ends at the start of the reply, the sum overflows to zero.
	if end := uintptr(w.end); at < uintptr(head) || at > end || at+uintptr(len(s)) > end {
		at = w.append(s)
	}
	return uint64(at) | uint64(len(s))<<32
}

// unsafeBytes returns the bytes of s, which must not be changed.
func unsafeBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
