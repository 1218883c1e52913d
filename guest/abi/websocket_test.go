package abi_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// The worked example of ExportOpen.
const (
	exampleEvent = `
	00 00 00 00
	07 00 00 00
	40 00 00 00  04 00 00 00
	44 00 00 00  03 00 00 00
	00 00 00 00  00 00 00 00
	44 00 00 00  03 00 00 00
	47 00 00 00  03 00 00 00
	00 00 00 00  00 00 00 00
	4a 00 00 00  02 00 00 00
	72 6f 6f 6d 77 77 77 6e 3d 31 68 69`

	exampleEffects = `
	00 00 00 00
	05 00 00 00
	30 00 00 00  03 00 00 00
	00 00 00 00  00 00 00 00
	33 00 00 00  01 00 00 00
	00 00 00 00  00 00 00 00
	34 00 00 00  02 00 00 00
	6e 3d 32 01 68 69`
)

func parseExample(t *testing.T, example string, size int) abi.Message {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(example), ""))
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != size {
		t.Errorf("the example has %d bytes, want %d", len(b), size)
	}
	m, err := abi.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func expectFields(t *testing.T, m abi.Message, want map[int]string) {
	t.Helper()
	for i := range m.Len() + 2 {
		value, present := want[i]
		if got, ok := m.Field(i); ok != present || string(got) != value {
			t.Errorf("field %d is %q, present %v, want %q, %v", i, got, ok, value, present)
		}
	}
}

func TestParseReadsTheExampleOfAWebsocketEvent(t *testing.T) {
	m := parseExample(t, exampleEvent, 76)
	expectFields(t, m, map[int]string{
		abi.EventRoute: "room", abi.EventSchema: "www", abi.EventIdentifier: "www", abi.EventState: "n=1", abi.EventData: "hi",
	})
	if m.Word()&abi.EventBinary != 0 {
		t.Error("the message is binary, want text")
	}
}

func TestParseReadsTheExampleOfAWebsocketReply(t *testing.T) {
	m := parseExample(t, exampleEffects, 54)
	expectFields(t, m, map[int]string{
		abi.EffectsState: "n=2", abi.EffectsKinds: string(rune(abi.SendText)), abi.EffectsData0: "hi",
	})
	if m.Word()>>abi.EffectsStatusShift != 0 {
		t.Errorf("status %d, want 0", m.Word()>>abi.EffectsStatusShift)
	}
}
