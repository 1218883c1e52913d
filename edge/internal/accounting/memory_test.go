package accounting

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestTheMemoryOf100000TenantsIsBounded(t *testing.T) {
	const tenants = 100_000
	keys := make([]Key, tenants)
	for n := range keys {
		keys[n] = Key{fmt.Sprintf("tenant_%06d", n), fmt.Sprint(n)}
	}
	before := heap()
	l := open(t, Options{Memory: 64 << 20, Tracked: 10})
	window := func() time.Duration {
		for _, k := range keys {
			a := l.Account(k)
			a.Received(100)
			a.Sent(1000)
		}
		began := time.Now()
		if err := l.close(began); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	took := window()
	first := heap() - before
	for range 5 {
		window()
	}
	full := heap() - before
	for range 4 { // nobody uses anything
		if err := l.close(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	idle := heap() - before
	if os.Getenv("TENANTEDGE_FIGURES") != "" {
		t.Logf("%d tenants: %d MiB after a window, %d after 6, %d when all are idle; closing a window took %v", tenants, first>>20, full>>20, idle>>20, took)
	}
	if full > 64<<20+96<<20 {
		t.Errorf("%d MiB are in use for %d tenants, want at most 64 for windows and 96 for accounts", full>>20, tenants)
	}
	if idle > 64<<20+16<<20 {
		t.Errorf("%d MiB are in use when no tenant uses anything", idle>>20)
	}
	runtime.KeepAlive(l)
	runtime.KeepAlive(keys)
}
