package edge

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// A request that is not chosen costs nothing else.
func TestARequestThatIsNotRecordedAllocatesNothing(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Recording = &Recording{Folder: t.TempDir(), Rate: 1e-12} })
	r := Request{Method: "GET", Scheme: "https", Host: "t1.example.com", Target: "/x?y", Path: "/x"}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := h.Route(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}); n != 0 && !raced {
		t.Errorf("a request allocates %v times: expected none", n)
	}
}

// Many goroutines record while guests are swapped. Each file has the requests of the
// guest that its headers name.
func TestRequestsAreRecordedWhileGuestsAreSwapped(t *testing.T) {
	folder := t.TempDir()
	h := newHost(t, func(c *Config) { c.Recording = &Recording{Folder: folder, Rate: 1, MaxFiles: 100, MaxBytes: 1000} })
	const goroutines, each = 8, 200
	var wait sync.WaitGroup
	for g := range goroutines {
		wait.Go(func() {
			for n := range each {
				r := Request{Method: "GET", Scheme: "https", Host: "t1.example.com", Target: fmt.Sprintf("/%d/%d", g, n)}
				if _, err := h.Route(t.Context(), &r); err != nil {
					t.Error(err)
				}
				_ = h.Stats()
			}
		})
	}
	guests := [][]byte{wasmtest.Minimal(t), assets.Router}
	for n := range 4 {
		if _, err := h.Swap(t.Context(), guests[n%2]); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := record.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	seen, digests := map[string]int{}, map[string]bool{}
	for _, name := range files {
		readLog(t, name, func(s *record.Section, r *record.Request) {
			digests[s.Header.Guest] = true
			seen[r.Request.Target]++
			if byName := s.Header.Name == "tenantedge router"; byName != (len(r.Asks) == 1 && r.Asks[0].Kind == record.AskDomain) {
				t.Errorf("the guest %q asked %d questions", s.Header.Name, len(r.Asks))
			}
		})
	}
	if len(seen) != goroutines*each || len(digests) == 0 || h.Stats().Record.Written != goroutines*each {
		t.Errorf("%d requests of %d guests are in %d files, %+v", len(seen), len(digests), len(files), h.Stats().Record)
	}
}

func readLog(t *testing.T, name string, visit func(*record.Section, *record.Request)) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := record.NewReader(name, f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for s, err := r.Next(); err == nil; s, err = r.Next() {
		if err := s.Requests(func(_ int, r *record.Request) { visit(s, r) }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALogThatCannotBeWrittenIsRefusedAtTheStart(t *testing.T) {
	_, err := New(t.Context(), Config{CompileCache: compileCache, Recording: &Recording{}})
	if err == nil || err.Error() != "edge: record: expected the folder of the log, found none" {
		t.Errorf("the error is %v", err)
	}
}
