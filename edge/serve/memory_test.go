package serve

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
)

// garbage takes 64 MiB, which nothing refers to afterwards.
func garbage() {
	for range 64 {
		_ = append([]byte(nil), make([]byte, 1<<20)...)
	}
}

// kept returns the memory that the process holds and does not use.
func kept() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapIdle - m.HeapReleased
}

func TestMemoryIsReturnedAfterTheStartAndASwap(t *testing.T) {
	const most = 16 << 20
	garbage()
	w := start(t)
	w.eventually("memory is returned after the start", func() bool { return kept() < most })
	w.server.now().options.AdminTokens = operator("secret")
	mux := http.NewServeMux()
	w.server.guestRoutes(w.server.now(), mux)
	garbage()
	another := append(bytes.Clone(assets.Router), 0, 3, 1, 'n', 'y') // with an additional custom section
	r := httptest.NewRequest("PUT", "/guest", bytes.NewReader(another))
	r.Header.Set("Authorization", "Bearer secret")
	a := httptest.NewRecorder()
	if mux.ServeHTTP(a, r); a.Code != http.StatusOK {
		t.Fatalf("PUT /guest: %d %s", a.Code, strings.TrimSpace(a.Body.String()))
	}
	if n := kept(); n >= most {
		t.Errorf("after a swap the process keeps %d bytes", n)
	}
}
