package sockets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// ending is how a side of a conversation ends after its last message.
type ending uint8

const (
	waits      ending = iota // for the other to close
	closes                   // with a close frame, and reads to the end
	halfCloses               // the same, and closes its write side immediately
	ends                     // closes its write side without a close frame, and reads to the end
	breaks                   // violates the protocol, and reads to the end
	vanishes                 // without reading to the end
	resets
)

func (e ending) String() string {
	return [...]string{"waits", "closes", "half-closes", "ends", "breaks", "vanishes", "resets"}[e]
}

// part is the behavior of a side of a conversation.
type part struct {
	seed     uint64 // of its messages
	messages int
	ending   ending
	code     Code
	brisk    bool // many messages, without pauses
}

func (p part) String() string {
	return fmt.Sprintf("%d messages, %v (%d)", p.messages, p.ending, p.code)
}

// plain is the text from which messages are sliced.
var plain = func() []byte {
	b := make([]byte, 256<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(' ' + random.IntN('~'-' '))
	}
	return b
}()

// message returns the i-th message of a part; most are small.
func (p part) message(i int) (Op, []byte) {
	random := rand.New(rand.NewPCG(p.seed, uint64(i)))
	size := random.IntN(200)
	switch n := random.IntN(20); {
	case p.brisk:
		size = random.IntN(8 << 10)
	case n == 0:
		size = random.IntN(100 << 10)
	case n < 3:
		size = random.IntN(10 << 10)
	}
	at := random.IntN(len(plain) - size)
	return []Op{Text, Binary}[random.IntN(2)], plain[at : at+size]
}

// expects compares a message with the next expected one.
func (p part) expects(i int, op Op, payload []byte) error {
	if want, text := p.message(i); i >= p.messages || op != want || !bytes.Equal(payload, text) {
		return fmt.Errorf("message %d of %d differs: %d %.40q of %d bytes, expected %d %.40q of %d bytes",
			i, p.messages, op, payload, len(payload), want, text, len(text))
	}
	return nil
}

// pause waits for a random time, so that events happen in many orders.
func (p part) pause(random *rand.Rand) {
	switch n := random.IntN(16); {
	case p.brisk:
	case n == 0:
		time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
	case n < 4:
		runtime.Gosched()
	}
}

// framePeer is a side of a conversation that reads and writes frames: a client or
// an upstream.
type framePeer struct {
	part
	peer     part // of the other side
	conn     net.Conn
	r        *bufio.Reader
	masked   bool
	peerDone chan struct{} // closed after the peer's close frame or end
	progress func()

	sent, got    int
	pings, pongs int
	answer       atomic.Uint32 // the code with which it answers a close frame
	closeCode    Code          // the code of the received close frame; 0: none
	readErr      error         // the error that ended reading
	wrong        error
}

// run runs the conversation to its end.
func (t *framePeer) run() {
	t.peerDone = make(chan struct{})
	t.conn.SetDeadline(time.Now().Add(patience))
	readDone := make(chan struct{})
	go func() {
		defer close(readDone)
		t.readAll()
	}()
	t.writeAll()
	<-readDone
	t.conn.Close()
}

// patience bounds the time that a test waits for anything.
const patience = 30 * time.Second

func (t *framePeer) writeAll() {
	random := rand.New(rand.NewPCG(t.seed, 100))
	for t.sent < t.messages && !t.peerIsDone() {
		if !t.write(t.frames(random), random) {
			return
		}
		t.sent++
		t.pause(random)
	}
	how := t.ending
	if t.sent < t.messages {
		how = waits
	}
	closing := func(code Code) {
		t.write(t.frame(ws.OpClose, true, closePayload(code)), random)
	}
	switch how {
	case waits:
		<-t.peerDone
		closing(Code(t.answer.Load()))
	case closes:
		closing(t.code)
	case halfCloses:
		closing(t.code)
		endSide(t.conn)
	case ends:
		endSide(t.conn)
	case breaks:
		t.write([]byte{0x83, 0x80, 0, 0, 0, 0}, random)
	case resets:
		if tcp := tcpOf(t.conn); tcp != nil {
			tcp.SetLinger(0)
		}
		fallthrough
	case vanishes:
		t.conn.Close()
	}
}

func (t *framePeer) peerIsDone() bool {
	select {
	case <-t.peerDone:
		return true
	default:
		return false
	}
}

func (t *framePeer) frame(op ws.OpCode, fin bool, p []byte) []byte {
	f := ws.NewFrame(op, fin, bytes.Clone(p))
	if t.masked {
		f = ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4})
	}
	return ws.MustCompileFrame(f)
}

// frames returns the next message, perhaps in fragments, with pings in between.
func (t *framePeer) frames(random *rand.Rand) (all []byte) {
	kind, rest := t.message(t.sent)
	op := ws.OpCode(kind)
	for {
		if random.IntN(8) == 0 {
			all = append(all, t.frame(ws.OpPing, true, fmt.Append(nil, t.pings))...)
			t.pings++
		}
		n := len(rest)
		if random.IntN(3) == 0 {
			n = random.IntN(n + 1)
		}
		all = append(all, t.frame(op, n == len(rest), rest[:n])...)
		if rest = rest[n:]; len(rest) == 0 {
			return all
		}
		op = ws.OpContinuation
	}
}

// write writes in chunks.
func (t *framePeer) write(b []byte, random *rand.Rand) bool {
	for len(b) > 0 {
		n := len(b)
		if random.IntN(4) == 0 {
			n = 1 + random.IntN(n)
		}
		if _, err := t.conn.Write(b[:n]); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.wrong = fmt.Errorf("writing stopped after %d messages", t.sent)
			}
			return false
		}
		b = b[n:]
	}
	return true
}

// readAll reads to the end.
func (t *framePeer) readAll() {
	random := rand.New(rand.NewPCG(t.seed, 200))
	defer func() {
		if !t.peerIsDone() {
			close(t.peerDone)
		}
	}()
	c := client{t.conn, t.r}
	var message []byte
	var op ws.OpCode
	for {
		f, err := c.next()
		if err != nil {
			t.readErr = err
			return
		}
		if f.Header.Masked {
			f = ws.UnmaskFrameInPlace(f)
		}
		t.progress()
		switch f.Header.OpCode {
		case ws.OpPong:
			if string(f.Payload) != fmt.Sprint(t.pongs) {
				t.readErr = fmt.Errorf("expected pong %d, found %q", t.pongs, f.Payload)
				return
			}
			t.pongs++
		case ws.OpPing:
			t.readErr = errors.New("received a ping that was not sent")
			return
		case ws.OpClose:
			code, _, failed := parseClose(f.Payload)
			if failed != nil || t.closeCode != 0 {
				t.readErr = fmt.Errorf("received a close frame with %q after a close frame with %d", f.Payload, t.closeCode)
				return
			}
			t.closeCode = code
			t.answer.Store(uint32(code))
			close(t.peerDone)
		default:
			if t.closeCode != 0 {
				t.readErr = errors.New("received a message after a close frame")
				return
			}
			if f.Header.OpCode != ws.OpContinuation {
				op = f.Header.OpCode
			}
			message = append(message, f.Payload...)
			if !f.Header.Fin {
				continue
			}
			if t.readErr = t.peer.expects(t.got, Op(op), message); t.readErr != nil {
				return
			}
			t.got++
			message = message[:0]
		}
		t.pause(random)
	}
}

// tcpOf returns the connection below TLS, or conn.
func tcpOf(conn net.Conn) *net.TCPConn {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		case *holdingConn:
			conn = c.Conn
		default:
			return nil
		}
	}
}

// endSide closes the write side.
func endSide(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	if tcp := tcpOf(conn); tcp != nil {
		tcp.CloseWrite()
	}
}
