package sockets

import (
	"bytes"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// parsed runs a parser on a stream, in chunks of the given sizes, and describes
// the events.
func parsed(stream []byte, sizes []byte, compressed bool) (events []string, failed *failure) {
	p := parsers.Get().(*parser)
	defer p.release()
	var deflate *compression
	if compressed {
		deflate = &compression{parameters: parameters{readBits: maxWindowBits, readTakeover: true}}
	}
	r := &rules{maxFrame: 1 << 16, maxMessage: 1 << 17}
	for i := 0; len(stream) > 0; i++ {
		n := len(stream)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		piece := bytes.Clone(stream[:n])
		stream = stream[n:]
		for len(piece) > 0 {
			ev, consumed, err := p.next(piece, r, deflate)
			if err != nil {
				return events, err
			}
			if consumed == 0 && ev.op == 0 {
				panic("the parser consumed no bytes and returned no event")
			}
			piece = piece[consumed:]
			if ev.op != 0 {
				events = append(events, fmt.Sprintf("%d %x", ev.op, ev.payload))
			}
			if ev.op == ws.OpText && !utf8.Valid(ev.payload) {
				panic("text that is not UTF-8")
			}
		}
	}
	return events, nil
}

// FuzzParser checks that chunks do not matter: any input gives the same events
// byte by byte and at once.
func FuzzParser(f *testing.F) {
	hello := frame(ws.OpText, true, []byte("Grüße"))
	f.Add(hello, []byte{0}, false)
	f.Add(bytes.Join([][]byte{
		frame(ws.OpText, false, []byte("Gr\xc3")), frame(ws.OpPing, true, []byte("?")), frame(ws.OpContinuation, true, []byte("\xbc\xc3\x9fe")), hello,
		frame(ws.OpClose, true, closePayload(CodeNormal)),
	}, nil), []byte{2, 0, 5}, false)
	f.Add(frame(ws.OpBinary, true, make([]byte, 70_000)[:65_536]), []byte{255}, false)
	squeezed := frame(ws.OpText, true, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	squeezed[0] |= 0x40
	f.Add(append(squeezed, squeezed...), []byte{1}, true)
	f.Fuzz(func(t *testing.T, stream, sizes []byte, compressed bool) {
		at, atErr := parsed(stream, nil, compressed)
		by, byErr := parsed(stream, sizes, compressed)
		one, oneErr := parsed(stream, []byte{0}, compressed)
		if fmt.Sprint(at, atErr) != fmt.Sprint(by, byErr) || fmt.Sprint(at, atErr) != fmt.Sprint(one, oneErr) {
			t.Fatalf("at once: %.300s, %v\nin chunks: %.300s, %v\nby bytes: %.300s, %v", at, atErr, by, byErr, one, oneErr)
		}
	})
}

// FuzzText compares the validator of chunks with utf8.Valid.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "abc", "Grüße", "€", "\U0001f600", "\xf4\x90\x80\x80", "\xed\xa0\x80", "\xc0\x80", "\xe2\x82"} {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, p []byte, size uint8) {
		var check textCheck
		ok := true
		for rest := p; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			ok = ok && check.next(rest[:n])
			rest = rest[n:]
		}
		if got := ok && check.complete(); got != utf8.Valid(p) {
			t.Fatalf("%q in chunks of %d: expected %v, found %v", p, int(size)+1, utf8.Valid(p), got)
		}
	})
}

func TestTextFailsAtTheFirstInvalidByte(t *testing.T) {
	for _, c := range []struct {
		text  string
		valid int // bytes before the error
	}{
		{"ab\xff", 2}, {"\xc0", 0}, {"\xf4\x90\x80\x80", 1}, {"\xed\xa0\x80", 1}, {"\xe0\x80", 1}, {"\xf8", 0}, {"ü\x80", 2}, {"\xe2\x82x", 2},
	} {
		var check textCheck
		for i := range len(c.text) {
			if ok := check.next([]byte{c.text[i]}); ok != (i < c.valid) {
				t.Errorf("%q: byte %d: expected %v, found %v", c.text, i, i < c.valid, ok)
				break
			} else if !ok {
				break
			}
		}
	}
}

func TestAPeersDeclaredLengthReservesNothing(t *testing.T) {
	allocated := testing.AllocsPerRun(100, func() {
		var p parser
		head := []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4}
		if ev, n, err := p.next(head, &rules{1 << 20, 1 << 20}, nil); ev.op != 0 || n != len(head) || err != nil || p.message != nil {
			t.Fatal(ev, n, err)
		}
	})
	if allocated > 1 { // the parser itself
		t.Errorf("expected no allocation for a header, found %v", allocated)
	}
}
