// Package autobahn replays the core cases of the fuzzing client of the Autobahn
// test suite 25.10.1 (Apache-2.0), so that tests can check any echo server
// against the outcomes that the suite accepts:
//
//	cases, err := autobahn.Cases()
//	…
//	err = cases[0].Replay(conn, reader) // after a handshake
package autobahn

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the cases
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Case is a case of the suite.
type Case struct {
	ID string `json:"id"`
	// Steps are the client's bytes in hex; an empty one is a pause.
	Steps []string `json:"steps"`
	// Waits is the number of pauses before the first invalid byte of text: the
	// server must have failed the connection by the next pause.
	Waits int `json:"waits"`
	// Outcomes are the accepted sequences of messages and pongs, in hex. Empty,
	// which the suite calls informational: any.
	Outcomes [][]string `json:"outcomes"`
	Close    []uint16   `json:"close"`
}

//go:embed core.jsonl.gz
var core []byte

// count is how many core cases the suite has.
const count = 247

// Cases returns the core cases.
func Cases() ([]Case, error) {
	z, err := gzip.NewReader(bytes.NewReader(core))
	if err != nil {
		return nil, err
	}
	var cases []Case
	for decoder := json.NewDecoder(z); ; {
		var c Case
		if err := decoder.Decode(&c); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	if len(cases) != count {
		return nil, fmt.Errorf("autobahn: expected %d cases, found %d", count, len(cases))
	}
	return cases, nil
}

// Strict returns the case without the outcomes that the suite calls non-strict:
// those without replies to the messages before an error.
func (c *Case) Strict() *Case {
	strict := *c
	for _, outcome := range c.Outcomes {
		if len(outcome) > len(strict.Outcomes[0]) {
			strict.Outcomes = [][]string{outcome}
		}
	}
	return &strict
}

// Replay sends the bytes of the client on a connection after its handshake,
// reads to the end, and returns an error unless the server's output is an
// accepted outcome.
func (c *Case) Replay(conn net.Conn, in *bufio.Reader) error {
	go c.say(conn)
	events, code, err := listen(in)
	if err != nil {
		return err
	}
	if code != noStatus && !slices.Contains(c.Close, code) { // the suite accepts an empty close frame in place of any
		return fmt.Errorf("expected a close code of %v, found %d", c.Close, code)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		return fmt.Errorf("expected the end of the stream, found %d bytes and %v", len(rest), err)
	}
	for _, outcome := range c.Outcomes {
		if slices.Equal(outcome, events) {
			return nil
		}
	}
	if len(c.Outcomes) > 0 {
		return fmt.Errorf("expected one of %.300q, found %.300q", c.Outcomes, events)
	}
	return nil
}

func (c *Case) say(conn net.Conn) {
	pauses := 0
	for _, step := range c.Steps {
		if step == "" && c.Waits > 0 {
			if pauses++; pauses > c.Waits {
				return
			}
		}
		piece, _ := hex.DecodeString(step)
		if _, err := conn.Write(piece); err != nil {
			return // the server has failed the connection, which may be correct
		}
	}
}

const noStatus = 1005

var errText = errors.New("the server sent text that is not UTF-8")

// listen collects messages and pongs up to the close frame. Messages may be
// fragmented.
func listen(in *bufio.Reader) (events []string, code uint16, err error) {
	var message ws.Frame // an incomplete message
	state := ws.StateClientSide
	for {
		f, err := readFrame(in)
		if err != nil {
			return nil, 0, fmt.Errorf("expected a close frame after %.200q, found %w", events, err)
		}
		if err := ws.CheckHeader(f.Header, state); err != nil {
			return nil, 0, err
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
				return nil, 0, errText
			}
			events = append(events, fmt.Sprintf("text %x", f.Payload))
		case ws.OpBinary:
			events = append(events, fmt.Sprintf("binary %x", f.Payload))
		case ws.OpPong:
			events = append(events, fmt.Sprintf("pong %x", f.Payload))
		case ws.OpClose:
			switch {
			case len(f.Payload) == 0:
				return events, noStatus, nil
			case len(f.Payload) == 1 || !utf8.Valid(f.Payload[2:]):
				return nil, 0, fmt.Errorf("a close frame with %x", f.Payload)
			}
			return events, binary.BigEndian.Uint16(f.Payload), nil
		}
	}
}

func readFrame(in *bufio.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(in); err != nil {
		return f, err
	}
	if f.Header.Length > 32<<20 {
		return f, fmt.Errorf("a frame of %d bytes", f.Header.Length)
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(in, f.Payload)
	return f, err
}
