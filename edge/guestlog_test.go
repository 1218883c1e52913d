package edge

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// guestRecords returns the records of a JSON log that come from the guest, and those
// about refused requests.
func guestRecords(t *testing.T, log string) (said, refused []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch {
		case record["from"] == "guest":
			said = append(said, record)
		case record["msg"] == "request refused":
			refused = append(refused, record)
		}
	}
	return said, refused
}

func TestAPanicIsOneRecordThatNamesItsRequestAndItsGuest_D5(t *testing.T) {
	for name, given := range map[string]string{"the server's id": "the-id", "no id": ""} {
		t.Run(name, func(t *testing.T) {
			var log journal
			h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
			loaded := len(log.String())
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if given != "" {
					r = r.WithContext(WithRequestID(r.Context(), given))
				}
				h.Middleware(http.NotFoundHandler()).ServeHTTP(w, r)
			}))
			defer front.Close()
			r, err := http.NewRequest("GET", front.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "panic.example.com"
			w, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Body.Close()
			page, _ := io.ReadAll(w.Body) // checked below
			said, refused := guestRecords(t, log.String()[loaded:])
			if len(said) != 1 || len(refused) != 1 {
				t.Fatalf("found %d records of the guest and %d refused requests in %s", len(said), len(refused), log.String())
			}
			id, _ := said[0]["request"].(string)
			if text, _ := said[0]["msg"].(string); !strings.Contains(text, "panic: ") || !strings.Contains(text, "goroutine ") || len(text) > 5000 {
				t.Errorf("the record has the text %q", text)
			}
			if id == "" || refused[0]["request"] != id || !strings.Contains(string(page), "request "+id+"\n") || given != "" && id != given {
				t.Errorf("the record has the request %q, the refusal has %v, and the page is %q", id, refused[0]["request"], page)
			}
			if said[0]["guest"] != h.GuestDigest() || said[0]["level"] != "WARN" {
				t.Errorf("the record is %v", said[0])
			}
		})
	}
}

func TestAFloodOfAGuestIsBoundedAndCounted_D5(t *testing.T) {
	var log journal
	h := unrulyHost(t, wasmtest.Unruly(t, 0), func(c *Config) {
		c.Logger, c.GuestLogRate = slog.New(slog.NewJSONHandler(&log, nil)), 1
		c.Limits.Fuel = 2_000_000
	})
	loaded, before := len(log.String()), h.Stats()
	f := serveFront(t, h, 1)
	const requests = 50
	for range requests {
		checkRefusal(t, f.mustGet(t, "shout.example.com", "/"), http.StatusBadGateway)
	}
	said, refused := guestRecords(t, log.String()[loaded:])
	bytes := 0
	for _, record := range said {
		bytes += len(record["msg"].(string))
	}
	s := h.Stats()
	written, dropped := s.LogWritten-before.LogWritten, s.LogDropped-before.LogDropped
	if len(said) == 0 || bytes > 16<<10 || written != uint64(len(said)) || written+dropped != requests || len(refused) != requests {
		t.Errorf("%d records of %d bytes; counted %d written and %d dropped; %d refused requests", len(said), bytes, written, dropped, len(refused))
	}
}

func TestWhatAGuestPrintsWhileItIsLoadedIsLoggedWithItsDigest_D5(t *testing.T) {
	for _, b := range wasmtest.BrokenGuests() {
		if b.Name != "a panic in init" {
			continue
		}
		var log journal
		_, err := New(t.Context(), Config{Guest: b.Wasm, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
		said, _ := guestRecords(t, log.String())
		if err == nil || len(said) != 1 || said[0]["guest"] != instance.Digest(b.Wasm) || !strings.HasPrefix(said[0]["msg"].(string), "panic: ") {
			t.Errorf("New returned %v and logged %v", err, said)
		}
	}
}
