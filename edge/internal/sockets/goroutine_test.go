package sockets

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// recordingConn is a connection that records writes and deadlines.
type recordingConn struct {
	net.Conn
	written   bytes.Buffer
	deadlines int
}

func (c *recordingConn) SetWriteDeadline(time.Time) error {
	c.deadlines++
	return nil
}

func (c *recordingConn) Write(p []byte) (int, error) { return c.written.Write(p) }

// A peer that reads slowly makes progress.
func TestAGoroutinesWriteHasADeadlineForEachPart(t *testing.T) {
	conn := &recordingConn{}
	s := &blocking{conn, time.Second}
	var q queue
	var want []byte
	for i := range 10 {
		p := bytes.Repeat([]byte{byte(i)}, 100_000)
		want = append(want, p...)
		q.share(p)
	}
	for q.size > 0 {
		n, err := s.write(q.head(make([][]byte, 0, maxSegments)))
		if err != nil {
			t.Fatal(err)
		}
		if n > maxBlockingWrite {
			t.Fatalf("expected at most %d bytes at once, found %d", maxBlockingWrite, n)
		}
		q.advance(n)
	}
	if !bytes.Equal(conn.written.Bytes(), want) {
		t.Error("the written bytes differ from the queued ones")
	}
	if least := len(want) / maxBlockingWrite; conn.deadlines < least {
		t.Errorf("expected at least %d deadlines, found %d", least, conn.deadlines)
	}
}
