package tck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Message is a message at the bounds of the contract.
type Message struct {
	Name      string
	Export    string
	Bytes     []byte
	Malformed bool // a guest must not answer it
}

// Contract returns messages at the bounds of package abi, and beyond: absent, empty and
// longest fields, bytes that are not UTF-8, many and unknown fields, and malformed
// messages. A guest in any language, with any rules, must handle them: see
// [RunContract].
func Contract() []Message {
	var all []Message
	for _, e := range []struct {
		export  string
		fields  []string // of an ordinary message
		longest int      // the field that can fill the buffer
		further int      // number of fields after the last
	}{
		{abi.ExportRoute, []string{"GET", "http", "acme.example.com", "/a%20b?c", `{"a":1}`}, abi.ReqTarget, abi.MaxAskedHeaders},
		{abi.ExportCacheKey, []string{"acme", "p", "1", "k"}, abi.KeyKey, 4},
		{abi.ExportReverseKey, []string{"", "", "", "acme:p:v2-1:k"}, abi.KeyKey, 4},
		{abi.ExportPathname, []string{"acme", "", "acme", "/srv/media", "/media/", "a/b.txt"}, abi.PathName, 4},
		{abi.ExportAuthorize, []string{"acme", "1", "GET", "/media/a.txt", "a.txt", "acme.example.com", "", "app"}, abi.AuthPath, abi.MaxAskedHeaders},
		{abi.ExportOpen, []string{"room", "acme", "1", "acme", "", "", "", `{"room":"a\u0062\"c","n":[1,{"x":"}"}]}`, "/a", "x\ny"}, abi.EventKwargs, abi.MaxAskedHeaders},
		{abi.ExportMessage, []string{"room", "acme", "1", "acme", "state", "channel", "text"}, abi.EventData, 4},
		{abi.ExportClose, []string{"room", "acme", "1", "acme", "state", "channel", "reason"}, abi.EventData, 4},
		{abi.ExportGroup, []string{"room", "acme", "1", "acme", "state", "channel", "\x82\xa4type\xacchat.message\xa4text\xa2hi"}, abi.EventState, 4},
		{abi.ExportTimer, []string{"room", "acme", "1", "acme", "state", "channel"}, abi.EventState, 4},
	} {
		add := func(name string, malformed bool, msg []byte) {
			all = append(all, Message{Name: e.export + ": " + name, Export: e.export, Bytes: msg, Malformed: malformed})
		}
		ordinary := encode(e.fields...)
		add("ordinary", false, ordinary)
		packed := e.export == abi.ExportGroup // its data is a MessagePack map
		add("no fields", packed, encode())
		add("empty fields", packed, encode(make([]string, len(e.fields)+e.further)...))
		add("every flag", false, setWord(ordinary, 0xffffffff))
		add("further fields", false, encode(append(slices.Clone(e.fields), slices.Repeat([]string{"x"}, e.further)...)...))
		add("1,000 fields", false, encode(append(slices.Clone(e.fields), make([]string, 1000)...)...))
		long := abi.MaxName
		if e.export == abi.ExportRoute {
			long++ // clients can send longer hosts
		}
		for i := range e.fields {
			for name, text := range map[string]string{"one byte": "x", "not UTF-8": "\xff\x80.\x00\n\xc3", "as long as a name, or longer": strings.Repeat("x", long), "dots": "..::/?"} {
				f := slices.Clone(e.fields)
				f[i] = text
				add(fmt.Sprintf("field %d: %s", i, name), packed && i == abi.EventData, encode(f...))
			}
		}
		longest := slices.Clone(e.fields)
		longest[e.longest] = ""
		longest[e.longest] = strings.Repeat("x", abi.BufferSize-len(encode(longest...)))
		add("as long as the buffer", false, encode(longest...))
		for name, msg := range malformed(ordinary) {
			add(name, true, msg)
		}
	}
	all = append(all, packedMessages()...)
	// Maps have no order.
	slices.SortFunc(all, func(a, b Message) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// packedMessages returns group messages that are not MessagePack maps with texts as keys.
func packedMessages() (all []Message) {
	for _, data := range []string{"", "\x80x", "\x81", "\xc1", "\x82\xa4type\xa1t", "\x81\x01\x02", "\xdf\xff\xff\xff\xff", "\x81\xa4type\xdb\xff\xff\xff\xff", "\x81\xa1a\x81\x01\x02",
		"\x81\xa1a" + strings.Repeat("\x91", 101) + "\x01"} {
		all = append(all, Message{
			Name: fmt.Sprintf("%s: data %.40q", abi.ExportGroup, data), Export: abi.ExportGroup, Malformed: true,
			Bytes: encode("room", "acme", "1", "acme", "state", "channel", data),
		})
	}
	for _, data := range []string{"\x80", "\x81\xa4type\x01", "\x82\xa4text\xa1a\xa4text\xa1b", "\x82\xa4type\xacchat.message\xa4text\xd9\x02hi", "\x81\xa1a" + strings.Repeat("\x91", 99) + "\x01",
		"\xde\x00\x08\xa1a\xcb12345678\xa1b\xc4\x01x\xa1c\xd312345678\xa1d\xcf12345678\xa1e\xdc\x00\x02\xc0\xc3\xa1f\xdd\x00\x00\x00\x00\xa1g\x81\xa1h\xe0\xa4type\xda\x00\x01t"} {
		all = append(all, Message{
			Name: fmt.Sprintf("%s: map %.40q", abi.ExportGroup, data), Export: abi.ExportGroup,
			Bytes: encode("room", "acme", "1", "acme", "state", "channel", data),
		})
	}
	return all
}

// encode returns a message with the fields; all are present.
func encode(fields ...string) []byte {
	return build(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, len(fields))
		for i, f := range fields {
			b.Put(i, f)
		}
		return b
	})
}

func setWord(msg []byte, word uint32) []byte {
	msg = bytes.Clone(msg)
	copy(msg, []byte{byte(word), byte(word >> 8), byte(word >> 16), byte(word >> 24)})
	return msg
}

// malformed returns variants of a message that are none.
func malformed(msg []byte) map[string][]byte {
	with := func(at int, b ...byte) []byte {
		m := bytes.Clone(msg)
		copy(m[at:], b)
		return m
	}
	return map[string][]byte{
		"nothing":                      {},
		"seven bytes":                  msg[:7],
		"without its end":              msg[:len(msg)-1],
		"more fields than bytes":       with(4, 0xff, 0xff, 0xff, 0xff),
		"2^29 fields":                  with(4, 0, 0, 0, 0x20),
		"a field in the table":         with(8, 8),
		"a field after the end":        with(8, 0xff, 0xff, 0xff, 0xff),
		"a field too long":             with(12, 0xff, 0xff, 0xff, 0xff),
		"an absent field with length":  with(8, 0, 0, 0, 0, 1, 0, 0, 0),
		"a sum of 2^32":                with(8, 0xff, 0, 0, 0, 1, 0xff, 0xff, 0xff),
		"offset and length of 2^32 -1": with(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	}
}

// RunContract sends each message of [Contract] for one of the exports to a guest, and
// checks that it answers with a message within the bounds of package abi, that it does not
// answer a malformed message, and that it works afterwards.
func RunContract(t *testing.T, exports []string, start func(t *testing.T, w *World) Guest) {
	t.Helper()
	g := start(t, &World{
		Tenants: []Tenant{{ID: "1", Schema: "acme", Attributes: map[string]string{"schema_pathname": "acme-files", "notes": strings.Repeat("x", 90_000)}}},
		Domains: []Domain{{Tenant: "1", Domain: "acme.example.com", IsPrimary: true}},
	})
	s := Suite{Config: abi.Config{Default: &abi.DefaultTenant{}}}
	s.Config.SetDefaults()
	config, err := json.Marshal(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Call(abi.ExportConfigure, config); err != nil {
		t.Fatal(err)
	}
	for _, m := range Contract() {
		if !slices.Contains(exports, m.Export) {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			reply, err := g.Call(m.Export, m.Bytes)
			switch {
			case m.Malformed && err == nil:
				t.Errorf("the guest answers a malformed message with %.200q", reply)
			case !m.Malformed && err != nil:
				t.Error(err)
			case !m.Malformed:
				if _, err := boundsOf(m.Export).Parse(reply, len(m.Bytes)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func boundsOf(export string) *abi.Bounds {
	switch export {
	case abi.ExportRoute:
		return &abi.DecisionBounds
	case abi.ExportCacheKey, abi.ExportReverseKey:
		return &abi.KeyBounds
	case abi.ExportPathname:
		return &abi.PathnameBounds
	case abi.ExportAuthorize:
		return &abi.VerdictBounds
	}
	return &abi.EffectsBounds
}
