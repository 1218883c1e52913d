package serve

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The clients are in the same process, so the measured memory includes theirs.
func TestALargeFileToManyClientsTakesNoMemory(t *testing.T) {
	w := startMedia(t)
	f, err := os.Create(filepath.Join(w.location, "acme", "large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	// A sparse file uses no space on the disk.
	if err := f.Truncate(largeFile); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	const clients, limit = 50, 48 << 20
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	get := func() (int64, error) {
		resp, err := client.Do(w.request(http.MethodGet, "acme.example.com", "/media/acme/large.bin"))
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		return io.Copy(io.Discard, resp.Body)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	runtime.GC()
	before := heap()
	var highest atomic.Uint64
	ctx, stop := context.WithCancel(t.Context())
	var watcher, all sync.WaitGroup
	watcher.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			highest.Store(max(highest.Load(), heap()))
			<-tick.C
		}
	})
	for range clients {
		all.Go(func() {
			if n, err := get(); n != largeFile || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
	all.Wait()
	stop()
	watcher.Wait()
	if grown := int64(highest.Load()) - int64(before); grown > limit {
		t.Errorf("%d bytes more than before, expected at most %d", grown, int64(limit))
	} else {
		t.Logf("%d MiB to %d clients: %d KiB more than before at most", largeFile>>20, clients, grown>>10)
	}
}
