package sockets

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/klauspost/compress/flate"
)

func TestOffersOfCompressionAreAnsweredAsTheRFCRequires_E6(t *testing.T) {
	const base = "permessage-deflate"
	const noContext = base + "; server_no_context_takeover; client_no_context_takeover"
	for _, c := range []struct {
		name, offer         string
		each, context, none string
	}{
		{"plain", base, noContext, base, ""},
		{"no server context", base + "; server_no_context_takeover", noContext, base + "; server_no_context_takeover", ""},
		{"no client context", base + "; client_no_context_takeover", noContext, base + "; client_no_context_takeover", ""},
		{"a server window", base + "; server_max_window_bits=9", noContext + "; server_max_window_bits=9", base + "; server_max_window_bits=9", ""},
		{"a quoted window", base + `; server_max_window_bits="10"`, noContext + "; server_max_window_bits=10", base + "; server_max_window_bits=10", ""},
		{"a client window", base + "; client_max_window_bits=12", noContext + "; client_max_window_bits=12", base + "; client_max_window_bits=12", ""},
		{"a client that accepts a window", base + "; client_max_window_bits", noContext, base, ""},
		{"a window that is too small", base + "; server_max_window_bits=7", "", "", ""},
		{"a window that is too big", base + "; server_max_window_bits=16", "", "", ""},
		{"a quoted window with escapes", base + `; server_max_window_bits="\1\0"`, noContext + "; server_max_window_bits=10", base + "; server_max_window_bits=10", ""},
		{"a window with a leading zero", base + "; server_max_window_bits=09", "", "", ""},
		{"a client's window with a leading zero", base + "; client_max_window_bits=08", "", "", ""},
		{"a quoted window with a leading zero", base + `; client_max_window_bits="08"`, "", "", ""},
		{"a window with a sign", base + "; server_max_window_bits=+9", "", "", ""},
		{"a window with a fraction", base + "; server_max_window_bits=9.0", "", "", ""},
		{"a window that is a word", base + "; client_max_window_bits=nine", "", "", ""},
		{"a window that overflows", base + "; client_max_window_bits=99999999999999999999", "", "", ""},
		{"a server window without a value", base + "; server_max_window_bits", "", "", ""},
		{"a client's window twice", base + "; client_max_window_bits; client_max_window_bits", "", "", ""},
		{"a client's window twice, once with a value", base + "; client_max_window_bits; client_max_window_bits=10", "", "", ""},
		{"a client's window twice, first with a value", base + "; client_max_window_bits=10; client_max_window_bits", "", "", ""},
		{"a server's window twice", base + "; server_max_window_bits=10; server_max_window_bits=10", "", "", ""},
		{"no context twice", base + "; server_no_context_takeover; server_no_context_takeover", "", "", ""},
		{"no client context twice", base + "; client_no_context_takeover; client_no_context_takeover", "", "", ""},
		{"no context with a value", base + "; server_no_context_takeover=1", "", "", ""},
		{"no client context with a value", base + "; client_no_context_takeover=true", "", "", ""},
		{"a parameter in capitals", base + "; Server_No_Context_Takeover", "", "", ""},
		{"an invalid offer before a valid one", base + "; client_max_window_bits=08, " + base + "; client_max_window_bits", noContext, base, ""},
		{"a repeated parameter before a valid offer", base + "; client_max_window_bits; client_max_window_bits," + base, noContext, base, ""},
		{"offers in two lines", "x-other; a=b|" + base, noContext, base, ""},
		{"an invalid offer in the first line", base + "; a|" + base, noContext, base, ""},
		{"an empty line", "|" + base, noContext, base, ""},
		{"empty elements", ", ," + base + " ,\t,", noContext, base, ""},
		{"blanks around everything", " " + base + " ; server_max_window_bits = 9 ; client_max_window_bits ", noContext + "; server_max_window_bits=9", base + "; server_max_window_bits=9", ""},
		{"tabs", base + "\t;\tclient_no_context_takeover", noContext, base + "; client_no_context_takeover", ""},
		{"no blanks", base + ";server_no_context_takeover;client_max_window_bits", noContext, base + "; server_no_context_takeover", ""},
		{"the name in capitals", "Permessage-Deflate", "", "", ""},
		{"an extension with a parameter twice", "x-other; a=1; a=2, " + base, noContext, base, ""},
		{"an empty list", " ", "", "", ""},
		{"a list of empty elements", " , ,", "", "", ""},
		{"an unknown parameter", base + "; level=9", "", "", ""},
		{"the second offer is valid", base + "; level=9, " + base, noContext, base, ""},
		{"the first valid offer counts", base + "; server_max_window_bits=8, " + base, noContext + "; server_max_window_bits=8", base + "; server_max_window_bits=8", ""},
		{"another extension", "x-webkit-deflate-frame", "", "", ""},
	} {
		for mode, want := range map[Compression]string{CompressionOff: c.none, CompressionPerMessage: c.each, CompressionWithContext: c.context} {
			t.Run(fmt.Sprintf("%s, mode %d", c.name, mode), func(t *testing.T) {
				world := newWorld(t, connKind{}, Config{Compression: mode}, Options{Handler: echo{}})
				answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader("Sec-WebSocket-Extensions", c.offer))
				got := answer.Header.Get("Sec-WebSocket-Extensions")
				if answer.StatusCode != 101 || got != want {
					t.Errorf("%q: expected %q, found %q with status %d", c.offer, want, got, answer.StatusCode)
				}
			})
		}
	}
}

// peerCompression is the client's side of compression: a writer and a reader, with or
// without context takeover.
type peerCompression struct {
	*client
	bits                        uint8
	writeTakeover, readTakeover bool
	wrote, read                 []byte
}

func (s *peerCompression) compress(p []byte) []byte {
	d := getDeflater(s.bits)
	defer d.release()
	out := bytes.Clone(d.compress(p, s.wrote))
	if s.writeTakeover {
		s.wrote = appendWindow(s.wrote, p, s.bits)
	}
	return out
}

// inflate uses one reader for the complete stream, as a peer does.
func (s *peerCompression) inflate(t *testing.T, p []byte) []byte {
	t.Helper()
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(p), strings.NewReader(deflateTail)), s.read)
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if s.readTakeover {
		s.read = appendWindow(s.read, out, maxWindowBits)
	}
	return out
}

func TestCompressedMessagesAreEchoedWithEveryWindow(t *testing.T) {
	offers := []string{"", "; server_no_context_takeover; client_no_context_takeover"}
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		offers = append(offers, fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%d", bits, bits))
	}
	eachKind(t, func(t *testing.T, w connKind) {
		for _, mode := range []Compression{CompressionPerMessage, CompressionWithContext} {
			world := newWorld(t, w, Config{Compression: mode, CompressAbove: 1}, Options{Handler: echo{}})
			for i, offer := range offers {
				t.Run(fmt.Sprintf("mode %d%s", mode, offer), func(t *testing.T) {
					bits := uint8(maxWindowBits)
					if i >= 2 {
						bits = uint8(minWindowBits + i - 2)
					}
					takeover := mode == CompressionWithContext && i != 1
					s := &peerCompression{client: world.dial(t, http.Header{"Sec-WebSocket-Extensions": {"permessage-deflate" + offer}}), bits: bits, writeTakeover: takeover, readTakeover: takeover}
					for _, size := range []int{0, 1, 16, 300, 1000, 1000, 70_000, 131_072} {
						s.exchange(t, text(size))
					}
				})
			}
		}
	})
}

// text returns text that compresses well.
func text(size int) []byte {
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, `{"tenant":"acme","room":%d,"text":"Grüße"}`, i%97)
	}
	b = b[:size]
	return bytes.ToValidUTF8(b, []byte("?"))
}

// exchange sends a message in two fragments and expects its echo.
func (s *peerCompression) exchange(t *testing.T, payload []byte) {
	t.Helper()
	body := s.compress(payload)
	half := len(body) / 2
	first := frame(ws.OpText, false, body[:half])
	first[0] |= 0x40
	go s.Write(append(first, frame(ws.OpContinuation, true, body[half:])...))
	f, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	got := f.Payload
	if f.Header.Rsv1() {
		got = s.inflate(t, got)
	} else if len(payload) >= 300 {
		t.Errorf("the echo of %d compressible bytes is not compressed", len(payload))
	}
	if !bytes.Equal(got, payload) {
		t.Fatalf("the echo of %d bytes differs and has %d", len(payload), len(got))
	}
}

func TestAWriterRefersToNothingBeyondItsWindow(t *testing.T) {
	for bits := uint8(minWindowBits); bits < maxWindowBits; bits++ {
		noise := make([]byte, 1<<bits+64)
		rand.NewChaCha8([32]byte{bits}).Read(noise)
		d := getDeflater(bits)
		twice := len(d.compress(append(bytes.Clone(noise), noise...), nil))
		context := appendWindow(nil, noise, bits)
		again := len(d.compress(noise, context))
		d.release()
		if twice < 2*len(noise) || again < len(noise) {
			t.Errorf("window of %d bits: %d bytes of noise compress to %d, and to %d when repeated: the writer refers beyond the window", bits, len(noise), twice, again)
		}
	}
}

func TestContextMakesTheSecondMessageSmaller(t *testing.T) {
	world := newWorld(t, connKind{}, Config{Compression: CompressionWithContext}, Options{Handler: echo{}})
	s := &peerCompression{client: world.dial(t, http.Header{"Sec-WebSocket-Extensions": {"permessage-deflate"}}), bits: maxWindowBits, writeTakeover: true, readTakeover: true}
	var sizes []int
	for range 2 {
		payload := text(2000)
		body := s.compress(payload)
		f := frame(ws.OpText, true, body)
		f[0] |= 0x40
		s.Write(f)
		answer, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.inflate(t, answer.Payload), payload) {
			t.Fatal("the echo is another message")
		}
		sizes = append(sizes, len(answer.Payload))
	}
	if sizes[1] > sizes[0]/2 {
		t.Errorf("expected the second message to be much smaller, found %v", sizes)
	}
}

func TestInvalidAndOversizedCompressionEndsTheConnection(t *testing.T) {
	bomb := func(size int) []byte {
		d := getDeflater(maxWindowBits)
		defer d.release()
		return bytes.Clone(d.compress(make([]byte, size), nil))
	}
	for _, c := range []struct {
		name string
		op   ws.OpCode
		body []byte
		code Code
	}{
		{"data that is not deflate", ws.OpBinary, []byte{0xff, 0xff, 0xff}, CodeInvalidData},
		{"truncated", ws.OpBinary, []byte{0x4a, 0x4c}, CodeInvalidData},
		{"a small message that inflates above the limit", ws.OpBinary, bomb(3 << 20), CodeTooBig},
		{"text that is not UTF-8 when inflated", ws.OpText, []byte{0xfa, 0x0f, 0x00}, CodeInvalidData},
		{"more final blocks than maxFinalBlocks", ws.OpBinary, bytes.Repeat([]byte{0x03, 0x00}, 1000), CodeInvalidData},
	} {
		t.Run(c.name, func(t *testing.T) {
			world := newWorld(t, connKind{}, Config{Compression: CompressionPerMessage, MaxMessage: 1 << 20}, Options{Handler: echo{}})
			client := world.dial(t, http.Header{"Sec-WebSocket-Extensions": {"permessage-deflate"}})
			f := frame(c.op, true, c.body)
			f[0] |= 0x40
			client.Write(f)
			client.expectClose(t, c.code)
			client.expectEnd(t)
		})
	}
}

// The examples of RFC 7692, section 7.2.3.
func TestTheExamplesOfTheRFCInflate(t *testing.T) {
	for name, body := range map[string]string{
		"one block":           "\xf2\x48\xcd\xc9\xc9\x07\x00",
		"without compression": "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
		"a final block":       "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"two blocks":          "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
	} {
		c := &compression{}
		out, err := c.inflate([]byte(body), 100, true, &charge{})
		if err != nil || string(out) != "Hello" {
			t.Errorf("%s: expected Hello, found %q, %v", name, out, err)
		}
	}
	c := &compression{parameters: parameters{readBits: maxWindowBits, readTakeover: true}}
	for _, body := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"} {
		if out, err := c.inflate([]byte(body), 100, true, &charge{}); err != nil || string(out) != "Hello" {
			t.Errorf("with context: expected Hello, found %q, %v", out, err)
		}
	}
}

func TestASharedFrameIsCompressedOnceAndFitsEachConnection(t *testing.T) {
	conns := make(chan *Conn, 10)
	world := newWorld(t, connKind{}, Config{Compression: CompressionWithContext}, Options{Handler: script{open: func(c *Conn) { conns <- c }}})
	payload := text(3000)
	f := NewFrame(Text, payload)
	var clients []*peerCompression
	for _, offer := range []string{"", "permessage-deflate", "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_max_window_bits=9"} {
		header := http.Header{}
		if offer != "" {
			header.Set("Sec-WebSocket-Extensions", offer)
		}
		s := &peerCompression{client: world.dial(t, header), readTakeover: offer == "permessage-deflate" || strings.HasSuffix(offer, "9")}
		clients = append(clients, s)
		c := <-conns
		for range 3 {
			if err := c.SendFrame(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, s := range clients {
		for range 3 {
			got, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			body := got.Payload
			if got.Header.Rsv1() != (i > 0) {
				t.Errorf("client %d: compressed: %v", i, got.Header.Rsv1())
			}
			if got.Header.Rsv1() {
				body = s.inflate(t, body)
			}
			if !bytes.Equal(body, payload) {
				t.Errorf("client %d got another message", i)
			}
		}
	}
}
