package consumer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// reply returns a reply with effects, each given as kind, name and data.
func reply(t testing.TB, status uint32, state string, all ...[3]string) abi.Message {
	t.Helper()
	b := abi.Begin(make([]byte, 200<<10), status<<abi.EffectsStatusShift, abi.EffectsName0+2*len(all))
	if state != "" {
		b.Put(abi.EffectsState, state)
	}
	var kinds string
	for i, e := range all {
		kinds += e[0]
		b.Put(abi.EffectsName0+2*i, e[1])
		b.Put(abi.EffectsData0+2*i, e[2])
	}
	b.Put(abi.EffectsKinds, kinds)
	m, err := abi.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func acme(t testing.TB) *endpoint {
	t.Helper()
	layer, err := channel.NewMemory(channel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	scope, err := layer.For("acme")
	if err != nil {
		t.Fatal(err)
	}
	return &endpoint{endpointKey: endpointKey{schema: "acme"}, scope: scope}
}

func TestAReplyIsCheckedBeforeAnythingHappens(t *testing.T) {
	const text, group, send, timer, closing = "\x01", "\x03", "\x05", "\x07", "\x08"
	p := acme(t)
	for _, c := range []struct {
		name    string
		opening bool
		reply   abi.Message
		want    string // in the error; empty: no error
	}{
		{"nothing", false, reply(t, 0, ""), ""},
		{"text", false, reply(t, 0, "", [3]string{text, "", "hi"}), ""},
		{"as many effects as are allowed", false, reply(t, 0, "", many(abi.MaxEffects)...), ""},
		{"one effect more", false, reply(t, 0, "", many(abi.MaxEffects+1)...), "the reply: expected at most 64 effects, found 65"},
		{"a state of the maximum length", false, reply(t, 0, strings.Repeat("s", abi.MaxState)), ""},
		{"a longer state", false, reply(t, 0, strings.Repeat("s", abi.MaxState+1)), "the state: expected at most 4096 bytes, found 4097"},
		{"a reply that is too long", false, reply(t, 0, "", [3]string{"\x02", "", strings.Repeat("x", abi.MaxReply)}), "expected at most 131072"},
		{"an unknown kind", false, reply(t, 0, "", [3]string{"\x0a", "", ""}), "the kind is 10"},
		{"no kind", false, reply(t, 0, "", [3]string{"\x00", "", ""}), "the kind is 0"},
		{"invalid text after a valid effect", false, reply(t, 0, "", [3]string{text, "", "hi"}, [3]string{text, "", "\xff"}), "effect 1: expected text to be valid UTF-8"},
		{"a timer of 2 bytes", false, reply(t, 0, "", [3]string{timer, "", "12"}), "2 bytes: expected 4"},
		{"another tenant's group", false, reply(t, 0, "", [3]string{group, "../b", ""}), "invalid name"},
		{"a group without a name", false, reply(t, 0, "", [3]string{group, "", ""}), "invalid name"},
		{"an invalid event", false, reply(t, 0, "", [3]string{send, "g", "\x81"}), "invalid message"},
		{"an event without a type", false, reply(t, 0, "", [3]string{send, "g", "\x80"}), "expected a type, found none"},
		{"an event with an address", false, reply(t, 0, "", [3]string{send, "g", "\x82\xa4type\xa1t\xb0__asgi_channel__\xa1c"}), "the name is reserved"},
		{"a close", false, reply(t, 0, "", [3]string{closing, "", "\xe8\x03"}), ""},
		{"a close that is not the last effect", false, reply(t, 0, "", [3]string{closing, "", "\xe8\x03"}, [3]string{text, "", ""}), "expected the close to be the last"},
		{"a close with a code that cannot be sent", false, reply(t, 0, "", [3]string{closing, "", "\xed\x03"}), "close code is ed03"},
		{"a close with a long reason", false, reply(t, 0, "", [3]string{closing, strings.Repeat("x", 124), "\xe8\x03"}), "124 bytes: expected at most 123"},
		{"a close in the handshake", true, reply(t, 0, "", [3]string{closing, "", "\xe8\x03"}), "te_ws_open closes"},
		{"a rejection", true, reply(t, 403, ""), ""},
		{"a rejection with status 302", true, reply(t, 302, ""), "rejected with 302"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := effects{endpoint: p, opening: c.opening}
			_, err := abi.EffectsBounds.Parse(c.reply.Bytes(), 0)
			if err == nil {
				err = e.read(c.reply)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the error is %v, expected %set", err, c.want)
			}
		})
	}
	p.scope = nil
	e := effects{endpoint: p}
	if err := e.read(reply(t, 0, "", [3]string{group, "g", ""})); err == nil {
		t.Error("groups were accepted without a channel layer")
	}
}

func many(n int) (all [][3]string) {
	for range n {
		all = append(all, [3]string{"\x01", "", "x"})
	}
	return all
}

func FuzzEffects(f *testing.F) {
	p := acme(f)
	for _, all := range [][][3]string{
		nil, {{"\x01", "", "hi"}}, {{"\x03", "g", ""}, {"\x05", "g", "\x81\xa4type\xa1t"}, {"\x06", "p!c", "\x81\xa4type\xa1t"}},
		{{"\x07", "", "\x01\x00\x00\x00"}, {"\x08", "bye", "\xe8\x03"}}, {{"\x09", "", ""}, {"\x04", "g", ""}, {"\x02", "", "\xff"}},
	} {
		f.Add(reply(f, 0, "state", all...).Bytes(), false)
		f.Add(reply(f, 0, "", all...).Bytes(), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, opening bool) {
		m, err := abi.Parse(b)
		if err != nil {
			return
		}
		e := effects{endpoint: p, opening: opening}
		if e.read(m) != nil || e.status != 0 {
			return
		}
		if !e.plain && len(b) > 0 {
			clear(b) // as if the guest's memory were reused: nothing may refer to it
		}
		sends := 0
		err = e.each(func(kind abi.Effect, name, data []byte) error {
			switch kind {
			case abi.GroupSend, abi.ChannelSend:
				sends++
				fallthrough
			case abi.GroupAdd, abi.GroupDiscard, abi.OpenChannel:
				if e.plain {
					t.Errorf("effect %d was treated as plain", kind)
				}
			case abi.SetTimer:
				if len(data) != 4 {
					t.Errorf("a timer of %d bytes was accepted", len(data))
				}
			}
			return e.check(kind, bytes.Clone(name), data, true)
		})
		if err != nil {
			t.Errorf("an accepted reply was rejected the second time: %v", err)
		}
		if len(e.messages) != 2*sends { // appended by read and again by check
			t.Errorf("%d messages were sent by %d effects", len(e.messages)/2, sends)
		}
	})
}
