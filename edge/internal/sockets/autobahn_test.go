package sockets

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// autobahnCase is what the fuzzing client of the Autobahn test suite 25.10.1
// (Apache-2.0) said in one of its core cases, and what it accepts.
type autobahnCase struct {
	ID string `json:"id"`
	// Steps are the client's bytes in hex; an empty one is a pause.
	Steps []string `json:"steps"`
	// Waits is the number of pauses that a server may let pass: it must have
	// failed the connection at the next, where the text went wrong.
	Waits int `json:"waits"`
	// Outcomes are the messages and pongs, in hex, that the client may have seen; any if
	// there are none, which the suite calls informational.
	Outcomes [][]string `json:"outcomes"`
	Close    []Code     `json:"close"`
}

func autobahnCases(t *testing.T) []autobahnCase {
	t.Helper()
	f, err := os.Open("testdata/autobahn_core.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var cases []autobahnCase
	lines := bufio.NewScanner(z)
	for lines.Buffer(nil, 4<<20); lines.Scan(); {
		var c autobahnCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if lines.Err() != nil || len(cases) != 247 {
		t.Fatalf("expected 247 cases, found %d: %v", len(cases), lines.Err())
	}
	return cases
}

func TestEveryCoreCaseOfAutobahnEndsAsItMay(t *testing.T) {
	cases := autobahnCases(t)
	eachWay(t, func(t *testing.T, w way) {
		world := newWorld(t, w, Config{}, Options{Handler: echo{}})
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) { c.replay(t, world) })
		}
		stats := world.hub.Stats()
		if wrong := stats.Goroutines; w.polled() && wrong > 0 || !w.polled() && stats.Polled > 0 {
			t.Errorf("connections were held the other way: %+v", stats)
		}
	})
}

func (c *autobahnCase) replay(t *testing.T, world *world) {
	client := world.dial(t, nil)
	go func() {
		pauses := 0
		for _, step := range c.Steps {
			if step == "" && c.Waits > 0 {
				if pauses++; pauses > c.Waits {
					return
				}
			}
			bytes, _ := hex.DecodeString(step)
			if _, err := client.Write(bytes); err != nil {
				return // the server has failed the connection, as it may have to
			}
		}
	}()
	events, code := client.listen(t)
	if code != CodeNoStatus && !slices.Contains(c.Close, code) { // the suite takes an empty close frame for any
		t.Errorf("expected a close code of %v, found %d", c.Close, code)
	}
	client.expectEnd(t)
	for _, outcome := range c.Outcomes {
		if slices.Equal(outcome, events) {
			return
		}
	}
	if len(c.Outcomes) > 0 {
		t.Errorf("expected one of %.300q, found %.300q", c.Outcomes, events)
	}
}

// listen collects messages and pongs up to the close frame.
func (c *client) listen(t *testing.T) (events []string, code Code) {
	var message ws.Frame // what has come of one in fragments
	state := ws.StateClientSide
	for {
		f, err := c.next()
		if err != nil {
			t.Fatalf("expected a close frame after %.200q, found %v", events, err)
		}
		if err := ws.CheckHeader(f.Header, state); err != nil {
			t.Fatal(err)
		}
		if !f.Header.OpCode.IsControl() {
			if f.Header.OpCode == ws.OpContinuation {
				f.Header.OpCode, f.Payload = message.Header.OpCode, append(message.Payload, f.Payload...)
			}
			message, state = f, state.Clear(ws.StateFragmented)
			if !f.Header.Fin {
				state = state.Set(ws.StateFragmented)
				continue
			}
		}
		switch f.Header.OpCode {
		case ws.OpText:
			if !utf8.Valid(f.Payload) {
				t.Fatal("the server sent text that is not UTF-8")
			}
			events = append(events, fmt.Sprintf("text %x", f.Payload))
		case ws.OpBinary:
			events = append(events, fmt.Sprintf("binary %x", f.Payload))
		case ws.OpPong:
			events = append(events, fmt.Sprintf("pong %x", f.Payload))
		case ws.OpClose:
			code, _, failed := parseClose(f.Payload)
			if failed != nil {
				t.Fatal(failed)
			}
			return events, code
		}
	}
}
