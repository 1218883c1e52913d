package serve

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

func numbered(n byte) []byte { return append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n) }

// put replaces the file at path.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestTheGuestFileIsWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	w := start(t, func(s *setup) { s.edge.Guest, s.options.GuestFile = numbered(0), path })
	runs := func(n byte) func() bool {
		return func() bool { return w.server.now().host.Stats().Swaps == uint64(n) }
	}
	if n := len(w.logs.entries("the guest is loaded")); n != 1 {
		t.Errorf("the load of the guest was logged %d times", n)
	}
	put(t, path, numbered(1))
	w.eventually("the new guest", runs(1))
	before := w.server.now().host.Stats().Guest
	put(t, path, numbered(2)[:40])
	w.eventually("the reason", func() bool {
		return len(w.logs.entries("the guest file is missing or refused; the current guest keeps running")) == 1
	})
	if now := w.server.now().host.Stats().Guest; now != before {
		t.Errorf("it runs %+v", now)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.eventually("another reason", func() bool { return strings.Contains(w.logs.String(), "no such file") })
	put(t, path, numbered(3))
	w.eventually("the next guest", runs(2))

	// Written in place, in two steps.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, half := range [][]byte{numbered(4)[:30], numbered(4)[30:]} {
		if _, err := f.Write(half); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("the guest written in place", runs(3))
}

func TestTheGuestFileIsReadAgainOnRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	w := start(t, func(s *setup) { s.edge.Guest, s.options.GuestFile = numbered(0), path })
	w.server.ReloadGuest(context.Background())
	if len(w.logs.entries("the guest file was reloaded; its guest was already running")) != 1 {
		t.Errorf("the log is %s", w.logs)
	}
	// The guest was replaced by other means: the file's guest is restored.
	if _, err := w.server.now().host.Swap(context.Background(), numbered(1)); err != nil {
		t.Fatal(err)
	}
	w.server.ReloadGuest(context.Background())
	if l := w.logs.entries("the guest file was reloaded; its guest is now running"); len(l) != 1 || l[0]["compile_cache"] == "" {
		t.Errorf("the log is %s", w.logs)
	}
	put(t, path, nil)
	w.server.ReloadGuest(context.Background())
	if len(w.logs.entries("cannot reload the guest file: it is missing or refused; the current guest keeps running")) != 1 {
		t.Errorf("the log is %s", w.logs)
	}
}

func TestTheLastGuestOfTheFileRunsWhateverTheOrderOfReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	var mu sync.Mutex
	runs := byte(0)
	g := &guestFile{path: path, signatures: &signatures{}, swap: func(_ context.Context, guest signedGuest) (edge.Report, error) {
		for range rand.IntN(20) { // so that the order of the swaps varies
			runtime.Gosched()
		}
		mu.Lock()
		defer mu.Unlock()
		runs = guest.wasm[0]
		return edge.Report{}, nil
	}}
	put(t, path, []byte{0})
	for n := byte(1); n < 200; n++ {
		var readers sync.WaitGroup
		for range 4 { // the watcher and callers of ReloadGuest
			readers.Go(func() {
				if _, _, err := g.read(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		put(t, path, []byte{n})
		readers.Wait()
		if g.stale() { // all had read before the change
			if _, _, err := g.read(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if runs != n {
			t.Fatalf("guest %d runs, but the file has %d", runs, n)
		}
	}
}

func TestTheLastGoodGuestIsTriedOnlyIfItCanHelp(t *testing.T) {
	refused := []byte("no guest")
	for _, c := range []struct {
		name        string
		file, saved []byte
		compression string // of edge.Config.Websockets
		want        string // in the error, exactly once; empty: the last good guest serves
		tried       bool   // the error includes that of the last good guest
	}{
		{"another guest is refused", refused, numbered(1), "", "", false},
		{"the last good guest is refused too", numbered(0)[:40], refused, "", "the last good guest: ", true},
		{"the last good guest is the refused one", refused, refused, "", "not a valid WebAssembly module", false},
		{"the configuration is not valid", numbered(0), numbered(1), "best", "best", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "guest.wasm")
			put(t, path, c.file)
			saved := lastGoodGuest{path: path + ".last-good"}
			if err := saved.save(signedGuest{wasm: c.saved}); err != nil {
				t.Fatal(err)
			}
			logs := &lines{}
			s := prepared(t, settings{GuestFile: path, LastGood: saved.path}, logs)
			host, err := s.newHost(t.Context(), edge.Config{Websockets: websocket.Config{Compression: c.compression}, CompileCache: compiled})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := host.Close(); err != nil || s.guestFile.degraded() == "" || len(logs.entries("the guest file is missing or refused; the last good guest is used")) != 1 {
					t.Errorf("closing: %v; the log is %s", err, logs)
				}
				return
			}
			var tried *LastGoodError
			if err == nil || strings.Count(err.Error(), c.want) != 1 || errors.As(err, &tried) != c.tried {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAStartRemovesTemporaryFilesOfTheLastGoodGuest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	saved := path + ".last-good"
	for _, name := range []string{saved + ".123.tmp", saved + ".old", path + ".123.tmp"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := prepared(t, settings{GuestFile: path, LastGood: saved}, io.Discard)
	host, err := s.newHost(t.Context(), edge.Config{CompileCache: compiled})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"guest.wasm", "guest.wasm.123.tmp", "guest.wasm.last-good", "guest.wasm.last-good.old"}; !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// G2: a file that is larger than a guest may be is not read completely.
func TestG2AFileThatIsTooLargeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(8 << 30); err != nil { // a sparse file
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g := &guestFile{path: path, signatures: &signatures{}, swap: func(context.Context, signedGuest) (edge.Report, error) {
		t.Error("the guest was swapped in")
		return edge.Report{}, nil
	}}
	if _, _, err := g.read(t.Context()); !errors.Is(err, instance.ErrModuleSize) {
		t.Errorf("got %v", err)
	}
}
