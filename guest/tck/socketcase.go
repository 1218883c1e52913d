package tck

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// SocketCase is an event of a websocket and the expected effects.
type SocketCase struct {
	Name       string            `json:"name"`
	Event      string            `json:"event"` // open, message, close, group or timer
	Route      string            `json:"route"`
	Schema     string            `json:"schema"`
	TenantID   string            `json:"tenant_id"`
	Identifier string            `json:"identifier"`
	State      string            `json:"state"`
	Channel    string            `json:"channel"`
	Data       string            `json:"data"`
	Hex        string            `json:"hex"`    // Data in hexadecimal, instead of Data
	Binary     bool              `json:"binary"` // message
	Code       uint32            `json:"code"`   // close
	Kwargs     string            `json:"kwargs"` // open, like the following fields
	Path       string            `json:"path"`
	Protocols  []string          `json:"protocols"`
	Headers    map[string]string `json:"headers"`
	Want       Effects           `json:"want"`
}

// Effects is the expected reply to an event.
type Effects struct {
	Status   uint32   `json:"status"` // the status that rejects the handshake; 0: accepted
	Protocol string   `json:"protocol"`
	State    *string  `json:"state"` // null: unchanged
	Effects  []Effect `json:"effects"`
}

// Effect is one effect of a reply.
type Effect struct {
	Kind string `json:"kind"` // send_text, send_binary, …
	Name string `json:"name"`
	Data string `json:"data"`
	Hex  string `json:"hex"` // Data in hexadecimal, instead of Data
}

var socketExports = map[string]string{
	"open": abi.ExportOpen, "message": abi.ExportMessage, "close": abi.ExportClose, "group": abi.ExportGroup, "timer": abi.ExportTimer,
}

var effectNames = []string{
	abi.SendText: "send_text", abi.SendBinary: "send_binary", abi.GroupAdd: "group_add", abi.GroupDiscard: "group_discard",
	abi.GroupSend: "group_send", abi.ChannelSend: "channel_send", abi.SetTimer: "set_timer", abi.CloseSocket: "close", abi.OpenChannel: "open_channel",
}

func (c *SocketCase) check(t *testing.T, g Guest, requested []string) {
	export, ok := socketExports[c.Event]
	if !ok {
		t.Fatalf("the event is %q: expected open, message, close, group or timer", c.Event)
	}
	reply, err := g.Call(export, c.message(t, requested))
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	if status := m.Word() >> abi.EffectsStatusShift; status != c.Want.Status {
		t.Errorf("status is %d, expected %d", status, c.Want.Status)
	}
	if protocol := string(m.Get(abi.EffectsProtocol)); protocol != c.Want.Protocol {
		t.Errorf("protocol is %q, expected %q", protocol, c.Want.Protocol)
	}
	state, ok := m.Field(abi.EffectsState)
	if want := c.Want.State; ok != (want != nil) || ok && string(state) != *want {
		t.Errorf("state is %q (present: %v), expected %s", state, ok, orNone(want))
	}
	c.checkEffects(t, m)
}

func (c *SocketCase) checkEffects(t *testing.T, m abi.Message) {
	kinds := m.Get(abi.EffectsKinds)
	var found, expected []string
	for i, kind := range kinds {
		name := "unknown"
		if int(kind) < len(effectNames) {
			name = effectNames[kind]
		}
		found = append(found, fmt.Sprintf("%s %q %q", name, m.Get(abi.EffectsName0+2*i), m.Get(abi.EffectsData0+2*i)))
	}
	for _, e := range c.Want.Effects {
		expected = append(expected, fmt.Sprintf("%s %q %q", e.Kind, e.Name, bytesOf(t, e.Data, e.Hex)))
	}
	if !slices.Equal(found, expected) {
		t.Errorf("effects are\n%s, expected\n%s", strings.Join(found, "\n"), strings.Join(expected, "\n"))
	}
}

func (c *SocketCase) message(t *testing.T, requested []string) []byte {
	var word uint32
	if c.Binary {
		word = abi.EventBinary
	}
	data := bytesOf(t, c.Data, c.Hex)
	return build(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, word|c.Code<<abi.EventCodeShift, abi.EventHeader0+len(requested))
		for _, f := range []struct {
			field int
			value string
		}{
			{abi.EventRoute, c.Route}, {abi.EventSchema, c.Schema}, {abi.EventTenantID, c.TenantID}, {abi.EventIdentifier, c.Identifier},
			{abi.EventState, c.State}, {abi.EventChannel, c.Channel}, {abi.EventKwargs, c.Kwargs}, {abi.EventPath, c.Path},
			{abi.EventProtocols, strings.Join(c.Protocols, "\n")},
		} {
			if f.value != "" {
				b.Put(f.field, f.value)
			}
		}
		b.PutBytes(abi.EventData, data)
		putHeaders(&b, abi.EventHeader0, requested, c.Headers)
		return b
	})
}

func bytesOf(t *testing.T, text, hexadecimal string) []byte {
	t.Helper()
	if hexadecimal == "" {
		return []byte(text)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(hexadecimal, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
