package edge

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// unrulyTenants is the number of tenants of the guest wasmtest.Unruly.
const unrulyTenants = 5

// unrulyHost returns a host with the tenants t0 to t4 and the given guest.
func unrulyHost(t testing.TB, guest []byte, change func(*Config)) *Host {
	t.Helper()
	return newHost(t, func(c *Config) {
		var state tenantdb.State
		for n := range unrulyTenants {
			id := strconv.Itoa(n)
			state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: id, Schema: "t" + id})
		}
		c.Directory.Replace(state)
		c.Guest = guest
		if change != nil {
			change(c)
		}
		if c.Limits.Memory == 0 {
			c.Limits.Memory = 16 << 20 // the same for all, so that the guest is compiled once
		}
	})
}

// front is a server on loopback. It answers with the tenant's schema and the URLConf
// that the guest returned.
type front struct {
	*httptest.Server
	client *http.Client
}

func serveFront(t testing.TB, h *Host, connections int) *front {
	t.Helper()
	handler := h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, _ := tenant.From(r.Context())
		_, _ = io.WriteString(w, found.Schema+" "+found.URLConf) // fails only if the client has disconnected
	}))
	f := &front{Server: httptest.NewServer(handler)}
	f.client = &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true},
	}
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		f.Close()
	})
	return f
}

// answer is a response with its complete body.
type answer struct {
	status int
	header http.Header
	body   string
}

func (f *front) get(host, target string) (answer, error) {
	r, err := http.NewRequest("GET", f.URL+target, nil)
	if err != nil {
		return answer{}, err
	}
	r.Host = host
	w, err := f.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	return answer{w.StatusCode, w.Header, string(body)}, err
}

func (f *front) mustGet(t testing.TB, host, target string) answer {
	t.Helper()
	a, err := f.get(host, target)
	if err != nil {
		t.Fatalf("%s%s: %v", host, target, err)
	}
	return a
}

// constant returns a handmade guest that routes every request to the static tenant
// www, with the URLConf "g<generation>".
func constant(generation int) []byte {
	b := abi.Begin(make([]byte, 512), uint32(abi.Tenant)|200<<abi.DecStatusShift, abi.DecHeader0)
	b.Put(abi.DecSchema, "www")
	b.Put(abi.DecDomain, "example.com")
	b.Put(abi.DecPath, "/")
	b.Put(abi.DecURLConf, "g"+strconv.Itoa(generation))
	return wasmtest.Sound().Replies(abi.ExportRoute, string(b.Bytes())).Wasm()
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }
