package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// checkRefusal checks the page after a failure of the guest: it has only the status
// and the request's id.
func checkRefusal(t *testing.T, a answer, status int) {
	t.Helper()
	line, rest, _ := strings.Cut(a.body, "\n")
	id, ok := strings.CutPrefix(rest, "request ")
	if a.status != status || line != "502 Bad Gateway" && status == 502 || !ok || len(strings.TrimSpace(id)) != 26 {
		t.Errorf("answered %d %q, want %d and a request id", a.status, a.body, status)
	}
	if len(a.header["X-Content-Type-Options"]) != 1 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page's header is %v", a.header)
	}
}

// G1 with a real Go guest and a real server: only the request of the failure fails,
// the next one is served, the log has the cause, and the client does not get it.
func TestG1AHostileGoGuestFailsItsOwnRequestAlone(t *testing.T) {
	for _, c := range []struct {
		name, host string
		limits     GuestLimits
		reason     stats.Trap
		retired    []stats.Retirement // reasons for which an instance may be retired
		logged     string
	}{
		{"an endless loop, stopped by fuel", "spin", GuestLimits{Deadline: time.Minute}, stats.TrapFuel, nil, "expected at most 20000000 units of fuel"},
		{"an endless loop, stopped by time", "spin", GuestLimits{Fuel: 1 << 60, Deadline: 5 * time.Millisecond}, stats.TrapDeadline, nil, "context deadline exceeded"},
		{"a recursion", "recurse", GuestLimits{Fuel: 1 << 40, Deadline: time.Minute}, stats.TrapDepth, []stats.Retirement{stats.RetiredWritten}, "its stack is full"},
		{"a memory bomb", "bomb", GuestLimits{Memory: 16 << 20, Fuel: 1 << 40, Deadline: time.Minute}, stats.TrapMemory, []stats.Retirement{stats.RetiredGrowth, stats.RetiredWritten}, ""},
		{"a fill of 2 GiB", "fill", GuestLimits{Fuel: 1 << 40, Deadline: time.Minute}, stats.TrapCrash, nil, ""},
		{"a panic with a message", "panic", GuestLimits{}, stats.TrapCrash, nil, "confidential"},
		{"an invalid address", "nil", GuestLimits{}, stats.TrapCrash, nil, ""},
		{"an exit", "exit", GuestLimits{}, stats.TrapExit, nil, "exited with code 3"},
		{"waiting for an event that never occurs", "wait", GuestLimits{Deadline: time.Minute}, "", nil, ""},
		{"endless output", "shout", GuestLimits{Deadline: 5 * time.Millisecond, Fuel: 1 << 60}, stats.TrapDeadline, nil, ""},
		{"overwriting its memory", "scribble", GuestLimits{}, "", nil, ""},
		{"invalid addresses for host functions", "pointers", GuestLimits{}, stats.TrapCrash, nil, "no address outside of memory was taken"},
		{"memory that it does not free", "grow", GuestLimits{}, stats.TrapCrash, []stats.Retirement{stats.RetiredWritten}, "grown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log journal
			c.limits.Instances, c.limits.Audit = 1, 1
			h := unrulyHost(t, wasmtest.Unruly(t, 0), func(config *Config) {
				config.Limits = c.limits
				config.Logger = log.logger()
			})
			f := serveFront(t, h, 1)
			for range 2 {
				began := time.Now()
				checkRefusal(t, f.mustGet(t, c.host+".example.com", "/confidential"), http.StatusBadGateway)
				t.Logf("failed after %v", time.Since(began).Round(time.Microsecond))
				if a := f.mustGet(t, "t3.example.com", "/"); a.status != 200 || a.body != "t3 g0" {
					t.Fatalf("the next request gets %d %q", a.status, a.body)
				}
			}
			s := h.Stats().Current
			if c.reason != "" && s.Traps[c.reason] != 2 {
				t.Errorf("the reasons are %v, want 2 of %q", s.Traps, c.reason)
			}
			for r := range s.Retired {
				if !slices.Contains(c.retired, r) {
					t.Errorf("instances were retired for %v", s.Retired)
				}
			}
			if !strings.Contains(log.String(), c.logged) {
				t.Errorf("the log is %q, want %q in it", log.String(), c.logged)
			}
		})
	}
}

// G1 with guests whose replies violate the contract.
func TestG1ALyingGuestFailsItsOwnRequestAlone(t *testing.T) {
	message := func(word uint32, fields ...string) string {
		n := abi.DecHeader0
		if slices.Contains(fields, "o") { // the field of the first header
			n += 2
		}
		b := abi.Begin(make([]byte, 4096), word, n)
		for i := 0; i+1 < len(fields); i += 2 {
			b.Put(int(fields[i][0]-'a'), fields[i+1])
		}
		return string(b.Bytes())
	}
	const tenant, redirect = uint32(abi.Tenant) | 200<<abi.DecStatusShift, uint32(abi.Redirect)
	for _, c := range []struct {
		name  string
		guest *wasmtest.Handmade
	}{
		{"no reply", wasmtest.Sound().With(abi.ExportRoute, wasmtest.I64(0)...)},
		{"a reply outside of memory", wasmtest.Sound().With(abi.ExportRoute, wasmtest.I64(abi.PackReply(1<<31, 8))...)},
		{"a reply of 4 GiB", wasmtest.Sound().With(abi.ExportRoute, wasmtest.I64(abi.PackReply(8, 1<<32-1))...)},
		{"a table of fields longer than the reply", wasmtest.Sound().Replies(abi.ExportRoute, "\x01\x00\x00\x00\xff\xff\xff\xff")},
		{"a field longer than the reply", wasmtest.Sound().Replies(abi.ExportRoute, "\x01\x00\x00\x00\x01\x00\x00\x00\x10\x00\x00\x00\xff\x00\x00\x00")},
		{"a field in the table of fields", wasmtest.Sound().Replies(abi.ExportRoute, "\x01\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00")},
		{"an unknown outcome", wasmtest.Sound().Replies(abi.ExportRoute, message(99))},
		{"an unknown tenant", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "confidential", "c", "x"))},
		{"an unknown dynamic tenant", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant|abi.DecDynamic, "a", "confidential", "c", "x"))},
		{"a tenant without a domain or a reference", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www"))},
		{"a redirect to an unregistered domain", wasmtest.Sound().Replies(abi.ExportRoute, message(redirect|301<<abi.DecStatusShift, "i", "//confidential.example.net/"))},
		{"a redirect with another status", wasmtest.Sound().Replies(abi.ExportRoute, message(redirect|200<<abi.DecStatusShift, "i", "//example.com/"))},
		{"a folder with a line break", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "d", "confidential\r\nX-B: c"))},
		{"a folder that is another host", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "d", "/confidential.example.net"))},
		{"a folder that browsers read as another host", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "d", "\\confidential.example.net"))},
		{"an identifier with a line break", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "j", "confidential\r\nX-B: c"))},
		{"a cache prefix with a NUL", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "k", "www:confidential\x00"))},
		{"a header with a line break", wasmtest.Sound().Replies(abi.ExportRoute, message(tenant, "a", "www", "c", "example.com", "o", "X-A", "p", "confidential\r\nX-B: c"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, func(config *Config) { config.Guest = c.guest.Wasm() })
			f := serveFront(t, h, 1)
			for range 2 {
				a := f.mustGet(t, "example.com", "/")
				checkRefusal(t, a, http.StatusBadGateway)
				if strings.Contains(a.body, "confidential") {
					t.Errorf("the client received %q", a.body)
				}
			}
			if s := h.Stats().Current; s.Traps[stats.TrapReply] != 2 || len(s.Retired) > 0 {
				t.Errorf("the reasons are %v, retired %v, want 2 of %q", s.Traps, s.Retired, stats.TrapReply)
			}
		})
	}
}

// G1: many requests at once to a guest that uses all it can get delay other requests
// no longer than these may queue, and memory is freed afterwards.
func TestG1AHostileCrowdIsOutlived(t *testing.T) {
	const connections = 8
	h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Limits = GuestLimits{QueueTimeout: time.Minute, Fuel: 2_000_000, Memory: 16 << 20, Deadline: time.Minute}
	})
	f := serveFront(t, h, connections)
	crowd := func() {
		done := make(chan error, connections)
		for n := range connections {
			go func() {
				for round := range 6 {
					host := []string{"spin", "recurse", "bomb", "panic", "grow", "t1"}[(n+round)%6]
					a, err := f.get(host+".example.com", "/")
					if err == nil && (host == "t1") != (a.status == 200) {
						err = errors.New(host + ": " + a.body)
					}
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range connections {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	crowd()
	before := heap()
	held, _ := soak.Measure()
	for range soak.Times(t, "TENANTEDGE_CROWDS", 3) {
		crowd()
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("the Go heap grew from %d to %d KB", before>>10, after>>10)
	}
	holds, _ := soak.Measure()
	t.Logf("resident before %.1f MB, after %.1f MB", float64(held.Resident)/1e6, float64(holds.Resident)/1e6)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// G1: the end of a request ends the guest's call.
func TestG1ARequestThatEndsStopsItsGuest(t *testing.T) {
	h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Limits = GuestLimits{Instances: 1, Fuel: 1 << 60, Deadline: time.Hour}
	})
	q := Request{Method: "GET", Host: "spin.example.com", Target: "/"}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for h.Stats().Current.Busy == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	if _, err := h.Route(ctx, &q); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := h.Route(ctx, &q); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request after its deadline: %v", err)
	}
	if s := h.Stats().Current; s.Traps[stats.TrapCancelled] != 1 || s.Traps[stats.TrapDeadline] != 1 {
		t.Errorf("the reasons are %v", s.Traps)
	}
	q.Host = "t1.example.com"
	if d, err := h.Route(context.Background(), &q); err != nil || d.Tenant.Schema != "t1" {
		t.Errorf("the next is %+v, %v", d.Tenant, err)
	}
}

// G1: if the configuration says so, the previous guest decides when the current one
// fails.
func TestG1TheGuestBeforeStandsInForOneThatFails(t *testing.T) {
	for _, c := range []struct {
		name     string
		fallBack bool
		want     string
	}{
		{"refused", false, "502 Bad Gateway"},
		{"the previous guest decides", true, "t3 g0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log journal
			h := unrulyHost(t, wasmtest.Unruly(t, 0), func(config *Config) {
				config.FallBackToPreviousGuest, config.Logger = c.fallBack, slog.New(slog.NewTextHandler(&log, nil))
			})
			f := serveFront(t, h, 1)
			broken := wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm()
			if _, err := h.Swap(context.Background(), broken); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if a := f.mustGet(t, "t3.example.com", "/"); !strings.HasPrefix(a.body, c.want) {
					t.Errorf("answered %d %q, want %q", a.status, a.body, c.want)
				}
			}
			const decided = "the guest failed; the previous guest decided instead"
			if n := strings.Count(log.String(), decided); c.fallBack != (n == 3) {
				t.Errorf("%q was logged %d times", decided, n)
			}
			// If both fail, the request is refused.
			if a := f.mustGet(t, "panic.example.com", "/"); a.status != http.StatusBadGateway {
				t.Errorf("with both guests failing: %d %q", a.status, a.body)
			}
		})
	}
}

// G2: a refused guest changes nothing: the old one serves requests, and there is
// nothing to roll back.
func TestG2AHostileModuleIsRefusedWhileTheOldOneServes(t *testing.T) {
	h := unrulyHost(t, wasmtest.Unruly(t, 7), nil)
	f := serveFront(t, h, 1)
	before := h.Stats().Guest
	const endless = "deadline" // in the error of a guest that does not end
	loops := []byte{0x03, 0x40, 0x0c, 0, 0x0b}
	starting := wasmtest.Sound()
	starting.Start = loops
	trapping := wasmtest.Sound()
	trapping.Start = []byte{0x00}
	outside := wasmtest.Sound().WithData(4*65536-2, "data")
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"100 MB", append(bytes.Clone(starting.Wasm()), make([]byte, 100<<20)...), "expected at most"},
		{"nothing", nil, "not a valid WebAssembly module"},
		{"text", []byte("<html>"), "not a valid WebAssembly module"},
		{"a truncated module", wasmtest.Unruly(t, 8)[:100_000], "not a valid WebAssembly module"},
		{"a start function that traps", trapping.Wasm(), "unreachable"},
		{"a start function that loops", starting.Wasm(), endless},
		{"a configuration that loops", wasmtest.Sound().With(abi.ExportConfigure, append(loops, wasmtest.I64(0)...)...).Wasm(), endless},
		{"a self-test that fails", wasmtest.Sound().With(abi.ExportSelfTest, wasmtest.I32(3)...).Wasm(), "expected 0"},
		{"data outside of memory", outside.Wasm(), "expected them inside its memory"},
		{"no route", wasmtest.Sound().Without(abi.ExportRoute).Wasm(), "exports no function te_route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			if c.want == endless {
				// The context of the swap bounds what the guest does before its first request.
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			_, err := h.Swap(ctx, c.wasm)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Swap returned %v, want %q", err, c.want)
			}
			if a := f.mustGet(t, "t1.example.com", "/"); a.body != "t3 g7" || h.Stats().Guest != before {
				t.Errorf("the guest is %+v and answers %d %q", h.Stats().Guest, a.status, a.body)
			}
		})
	}
	if s := h.Stats(); s.Previous.Digest != "" {
		t.Errorf("expected no previous guest, found %+v", s.Previous)
	}
}

// H7 with a real Go guest, which searches variables, the heap, and all memory.
func TestH7AGoGuestFindsNothingOfTheRequestBefore(t *testing.T) {
	h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Limits = GuestLimits{Instances: 1, Fuel: 1 << 40, Deadline: time.Minute}
	})
	f := serveFront(t, h, 1)
	for _, host := range []string{"t1", "keep", "keep-and-panic", "spin", "keep"} {
		if host == "spin" {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			_, err := h.Route(ctx, &Request{Method: "GET", Host: "spin.example.com", Target: "/SECRET"})
			cancel()
			if err == nil {
				t.Error("the guest that loops answered")
			}
		} else {
			f.mustGet(t, host+".example.com", "/"+strings.Repeat("SECRET", 100))
		}
		if a := f.mustGet(t, "recall.example.com", "/"); a.body != "t0 nothing" {
			t.Errorf("after %s, the next request received %q", host, a.body)
		}
	}
	// Without the reset the guest finds the secret, so the search works.
	leaky := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Limits = GuestLimits{Instances: 1, Fuel: 1 << 40, Deadline: time.Minute}
		c.UnsafeNoReset = true
	})
	f = serveFront(t, leaky, 1)
	f.mustGet(t, "t1.example.com", "/"+strings.Repeat("SECRET", 100))
	if a := f.mustGet(t, "recall.example.com", "/"); a.body != "t0 memory" {
		t.Errorf("without reset, the next request received %q", a.body)
	}
}

// G1: when a client disconnects, the instance is returned.
func TestG1AClientThatGoesAwayGivesTheInstanceBack(t *testing.T) {
	h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Limits = GuestLimits{Instances: 1, Fuel: 1 << 60, Deadline: time.Hour, QueueTimeout: time.Minute}
	})
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Host = "spin.example.com"
	go func() {
		for h.Stats().Current.Busy == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	if w := serve(h, r, nil); w.Code < 500 {
		t.Errorf("the request got %d", w.Code)
	}
	f := serveFront(t, h, 1)
	if a := f.mustGet(t, "t2.example.com", "/"); a.body != "t2 g0" {
		t.Errorf("the next request gets %d %q", a.status, a.body)
	}
}
