package logs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// patience limits waiting in tests.
const patience = 30 * time.Second

// reader keeps the bytes that take accepts.
type reader struct {
	mu   sync.Mutex
	got  bytes.Buffer
	take func(p []byte) (int, error) // called without the lock
}

func (r *reader) Write(p []byte) (int, error) {
	n, err := r.take(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(p[:n])
	return n, err
}

func (r *reader) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

func TestABlockedReaderBlocksNoWriterAndGetsTheNumberOfDroppedLines_G1(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := &reader{take: func(p []byte) (int, error) {
		once.Do(func() { close(arrived) })
		<-release
		return len(p), nil
	}}
	w := NewWriter(r, Options{MaxBytes: 100})
	_, _ = w.Write([]byte("first\n"))
	<-arrived
	for i := range 50 { // lines of ten bytes; ten of them fit
		if n, err := w.Write(fmt.Appendf(nil, "line %4d\n", i)); n != 10 || err != nil {
			t.Fatalf("a write returned %d, %v", n, err)
		}
	}
	if got := w.Dropped(); got != 40 {
		t.Errorf("%d lines were dropped, expected 40", got)
	}
	close(release)
	if err := w.Close(patience); err != nil {
		t.Error(err)
	}
	text := r.text()
	if !strings.HasPrefix(text, "first\nline    0\n") || !strings.HasSuffix(text, "line    9\n40 lines dropped\n") {
		t.Errorf("the reader got %q", text)
	}
}

func TestAFailedWriteResumesAtItsByte_G1(t *testing.T) {
	failures := 0
	r := &reader{take: func(p []byte) (int, error) {
		if failures < 3 && len(p) > 2 {
			failures++
			return 2, syscall.ENOSPC
		}
		return len(p), nil
	}}
	w := NewWriter(r, Options{Retry: time.Millisecond})
	_, _ = w.Write([]byte("a whole line\n"))
	for deadline := time.Now().Add(patience); r.text() != "a whole line\n"; {
		if time.Now().After(deadline) {
			t.Fatalf("the reader got %q", r.text())
		}
		time.Sleep(time.Millisecond)
	}
	if err := w.Close(patience); err != nil || w.Dropped() != 0 {
		t.Errorf("%v, %d lines dropped", err, w.Dropped())
	}
}

func TestCloseDoesNotWaitForAClosedOrBlockedReader_G1(t *testing.T) {
	gone := NewWriter(&reader{take: func([]byte) (int, error) { return 0, syscall.EPIPE }}, Options{Retry: time.Hour})
	_, _ = gone.Write([]byte("line\n"))
	if err := gone.Close(patience); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("with a reader that is gone: %v", err)
	}
	release := make(chan struct{})
	defer close(release)
	hangs := NewWriter(&reader{take: func(p []byte) (int, error) { <-release; return len(p), nil }}, Options{})
	_, _ = hangs.Write([]byte("line\n"))
	if err := hangs.Close(time.Millisecond); err == nil {
		t.Error("with a reader that hangs, no error")
	}
}

func TestWritersDoNotMixLines_G1(t *testing.T) {
	r := &reader{take: func(p []byte) (int, error) { return len(p), nil }}
	w := NewWriter(r, Options{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				_, _ = w.Write([]byte("0123456789\n"))
			}
		})
	}
	all.Wait()
	if err := w.Close(patience); err != nil {
		t.Error(err)
	}
	if text := r.text(); strings.ReplaceAll(text, "0123456789\n", "") != "" || len(text) != 11*8000 {
		t.Errorf("%d bytes, of which whole lines are not all", len(text))
	}
}

func TestWritingALineAllocatesNothing(t *testing.T) {
	r := &reader{take: func(p []byte) (int, error) { return len(p), nil }}
	w := NewWriter(r, Options{MaxBytes: 64 << 10})
	r.got.Grow(1 << 20)
	line := []byte("0123456789\n")
	for range 5000 {
		_, _ = w.Write(line)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = w.Write(line) }); n > 0.5 {
		t.Errorf("%v allocations a line", n)
	}
	_ = w.Close(patience)
}

func BenchmarkWrite(b *testing.B) {
	w := NewWriter(&reader{take: func([]byte) (int, error) { return 0, nil }}, Options{Retry: time.Hour})
	line := bytes.Repeat([]byte("x"), 300)
	for b.Loop() {
		_, _ = w.Write(line)
	}
}

func TestLinesOfABusyLogShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var writes []string
		w := NewWriter(&reader{take: func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			writes = append(writes, string(p))
			return len(p), nil
		}}, Options{})
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(writes, want) {
				t.Errorf("the writes are %.40q, expected %.40q", writes, want)
			}
			writes = nil
		}
		_, _ = w.Write([]byte("first\n"))
		expect("first\n")
		_, _ = w.Write([]byte("second\n"))
		_, _ = w.Write([]byte("third\n"))
		expect()
		time.Sleep(gatherTime)
		expect("second\nthird\n")
		long := strings.Repeat("x", gatherBytes-1) + "\n"
		_, _ = w.Write([]byte(long))
		expect(long)
		time.Sleep(gatherTime)
		_, _ = w.Write([]byte("after a quiet time\n"))
		expect("after a quiet time\n")
		_, _ = w.Write([]byte("last\n"))
		if err := w.Close(patience); err != nil {
			t.Error(err)
		}
		expect("last\n")
	})
}
