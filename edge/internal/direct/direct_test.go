package direct_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/direct"
)

// connect returns both ends of a connection over the loopback interface.
func connect(t *testing.T) (accepted, dialled net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialled, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	if accepted, err = direct.Listen(l).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return accepted, dialled
}

func TestConcurrentWritesAreNotMixed(t *testing.T) {
	t.Parallel()
	const size, each = 10_000, 300 // more than the kernel has room for, so that writes wait
	out, in := connect(t)
	var writers sync.WaitGroup
	for _, letter := range []byte("abc") {
		writers.Go(func() {
			message := bytes.Repeat([]byte{letter}, size)
			for range each {
				if n, err := out.Write(message); n != size || err != nil {
					t.Errorf("Write = %d, %v: expected %d", n, err, size)
				}
			}
		})
	}
	message := make([]byte, size)
	for range 3 * each {
		if _, err := io.ReadFull(in, message); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(message, message[:1]) != size {
			t.Fatal("a message has bytes of another one")
		}
	}
	writers.Wait()
}

func TestADeadlineEndsAWriteThatWaits(t *testing.T) {
	t.Parallel()
	out, in := connect(t)
	sent := 0
	_ = out.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for {
		n, err := out.Write(make([]byte, 16<<10))
		sent += n
		if err == nil {
			continue
		}
		if failed := (net.Error)(nil); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &failed) || !failed.Timeout() {
			t.Errorf("Write after the deadline: %v", err)
		}
		break
	}
	out.Close()
	if got, err := io.Copy(io.Discard, in); got != int64(sent) || err != nil {
		t.Errorf("the peer read %d bytes, %v: expected %d, as Write reported", got, err, sent)
	}
}

func TestErrorsAreThoseOfPackageNet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(out, in net.Conn)
		want  error
	}{
		"closed": {func(out, _ net.Conn) { out.Close() }, net.ErrClosed},
		"reset":  {func(_, in net.Conn) { _ = in.(*net.TCPConn).SetLinger(0); in.Close() }, syscall.EPIPE},
		"shut":   {func(out, _ net.Conn) { _ = out.(interface{ CloseWrite() error }).CloseWrite() }, syscall.EPIPE},
	} {
		var texts [2]string
		for i := range texts {
			out, in := connect(t)
			from := out.LocalAddr().String() + "->" + out.RemoteAddr().String()
			if i == 1 {
				out = direct.Unwrap(out)
			}
			c.spoil(out, in)
			if name == "reset" {
				_, _ = out.Read(make([]byte, 1)) // until the reset has arrived
			}
			_, err := out.Write([]byte("x"))
			if !errors.Is(err, c.want) {
				t.Errorf("%s: Write: %v: expected %v", name, err, c.want)
			} else {
				texts[i] = string(bytes.ReplaceAll([]byte(err.Error()), []byte(from), nil))
			}
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: the error is %q: expected %q", name, texts[0], texts[1])
		}
	}
}

func TestAWriteAllocatesNothing(t *testing.T) {
	out, in := connect(t)
	message := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = out.Write(message)
		_, _ = io.ReadFull(in, message)
	}); n != 0 {
		t.Errorf("%v allocations: expected 0", n)
	}
}
