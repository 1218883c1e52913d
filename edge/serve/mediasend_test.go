package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAFileReplacedWhileItIsSentArrivesComplete(t *testing.T) {
	w := startMedia(t)
	const size = 1 << 20
	name := filepath.Join(w.location, "acme", "big.bin")
	// All bytes of a version are the same, and differ from those of the next.
	put := func(b byte) {
		temporary := fmt.Sprintf("%s.%d", name, b)
		if err := os.WriteFile(temporary, []byte(strings.Repeat(string(rune('a'+b%26)), size+int(b))), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(temporary, name); err != nil {
			t.Error(err)
		}
	}
	put(0)
	ctx, stop := context.WithCancel(t.Context())
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for b := byte(1); ctx.Err() == nil; b++ {
			put(b % 100)
		}
	})
	for range 4 {
		readers.Go(func() {
			for range 25 {
				a := w.get("acme.example.com", "/media/acme/big.bin")
				if a.StatusCode != 200 || int64(len(a.body)) != a.ContentLength {
					t.Errorf("%d: %d bytes of %d", a.StatusCode, len(a.body), a.ContentLength)
					return
				}
				if strings.Trim(a.body, a.body[:1]) != "" {
					t.Error("parts of two files arrived as one file")
					return
				}
			}
		})
	}
	readers.Wait()
	stop()
	writer.Wait()
}

func TestTheKernelSendsFilesThroughAllHandlers(t *testing.T) {
	w := startMedia(t, func(s *setup) { s.options.AccessLog = true })
	write(t, w.location, "acme/large.txt", strings.Repeat("x", 1<<20))
	k := &kernelWriter{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://acme.example.com/media/acme/large.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.RequestURI = "/media/acme/large.txt"
	w.server.ServeHTTP(k, r)
	if !k.file {
		t.Error("the file was copied through the process")
	}
}

// kernelWriter is a ResponseWriter that records whether it was given a file.
type kernelWriter struct {
	header http.Header
	file   bool
}

func (k *kernelWriter) Header() http.Header         { return k.header }
func (k *kernelWriter) WriteHeader(int)             {}
func (k *kernelWriter) Write(p []byte) (int, error) { return len(p), nil }
func (k *kernelWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		_, k.file = limited.R.(*os.File)
	}
	return io.Copy(io.Discard, r)
}
