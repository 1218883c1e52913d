package artifact

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// hostile is a registry that answers with the bytes that a test chooses.
type hostile struct {
	*httptest.Server
	manifest []byte
	config   []byte
	blob     func(http.ResponseWriter, *http.Request) // answers requests for the layer
	tags     func(http.ResponseWriter, *http.Request)
}

// manifestFor returns the manifest of a guest whose layer has, as it says, a size.
func (h *hostile) manifestFor(t *testing.T, guest string, size int64) {
	t.Helper()
	configJSON, manifest, layer, err := encode(Guest{Wasm: []byte(guest)})
	if err != nil {
		t.Fatal(err)
	}
	h.config = configJSON
	h.manifest = []byte(strings.Replace(string(manifest), fmt.Sprintf(`%q,"size":%d`, layer.Digest, layer.Size), fmt.Sprintf(`%q,"size":%d`, layer.Digest, size), 1))
}

func newHostile(t *testing.T) *hostile {
	h := &hostile{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.Contains(path, "/manifests/"):
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			w.Header().Set("Content-Length", strconv.Itoa(len(h.manifest)))
			_, _ = w.Write(h.manifest)
		case strings.HasSuffix(path, describe("", h.config).Digest.String()):
			_, _ = w.Write(h.config)
		case strings.Contains(path, "/blobs/"):
			h.blob(w, r)
		case strings.Contains(path, "/tags/list"):
			h.tags(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hostile) reference() Reference {
	return Reference{Registry: h.Listener.Addr().String(), Repository: "router", Tag: "v1"}
}

// allocated returns the bytes that f allocates in total, by itself and by the registry
// in this process.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// gigabyte writes zeros until the client closes the connection.
func gigabyte(w http.ResponseWriter, _ *http.Request) {
	zeros := make([]byte, 64<<10)
	for range 1 << 30 / len(zeros) {
		if _, err := w.Write(zeros); err != nil {
			return
		}
	}
}

// TestG12HostileRegistriesAreBounded has one registry for each lie about a layer. The
// limits of memory are totals, not peaks.
func TestG12HostileRegistriesAreBounded(t *testing.T) {
	announce := func(length string, write func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", length)
			write(w, r)
		}
	}
	few := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "wasm") }
	for _, c := range []struct {
		name   string
		size   int64 // in the manifest
		blob   func(http.ResponseWriter, *http.Request)
		want   string
		memory uint64
	}{
		{"a layer of 1 GiB", 1 << 30, gigabyte, "expected a layer of at most 67108864 bytes, found 1073741824", 1 << 20},
		{"1 GiB in place of 4 bytes, announced", 4, announce("1073741824", gigabyte), "mismatch Content-Length", 2 << 20},
		{"1 GiB in place of 4 bytes, not announced", 4, gigabyte, "expected 4 bytes, found more", 2 << 20},
		{"1 GiB in place of 64 MiB", 64 << 20, gigabyte, "expected 67108864 bytes, found more", 72 << 20},
		{"4 bytes in place of 64 MiB", 64 << 20, few, "mismatch Content-Length", 2 << 20},
		{"4 bytes in place of 64 MiB, not announced", 64 << 20, func(w http.ResponseWriter, r *http.Request) {
			few(w, r)
			w.(http.Flusher).Flush()
		}, "expected 67108864 bytes, found 4", 3 << 20},
		{"4 bytes that are announced as 64 MiB", 64 << 20, announce("67108864", few), "expected 67108864 bytes, found 4", 3 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHostile(t)
			h.manifestFor(t, "wasm", c.size)
			h.blob = c.blob
			var err error
			used := allocated(func() { _, err = Pull(t.Context(), h.reference(), Options{}) })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, expected %q", err, c.want)
			}
			if used > c.memory {
				t.Errorf("%d bytes were allocated, expected at most %d", used, c.memory)
			}
			t.Logf("%.2f MiB were allocated: %v", float64(used)/(1<<20), err)
		})
	}
}

func TestG12HostileManifestsAndListsAreBounded(t *testing.T) {
	h := newHostile(t)
	h.manifest = append([]byte(`{"schemaVersion":2,"a":"`), make([]byte, 8<<20)...)
	used := allocated(func() {
		if _, err := Pull(t.Context(), h.reference(), Options{}); err == nil || !strings.Contains(err.Error(), "a manifest of at most") {
			t.Error(err)
		}
	})
	if used > 2<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	var pages atomic.Int64
	for want, tags := range map[string]func(http.ResponseWriter, *http.Request){
		"listing exceeded": func(w http.ResponseWriter, r *http.Request) { // a page leads to the next one without end
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, pages.Add(1)))
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		},
		"names of tags": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"tags":["../../a\u001b"]}`) },
		"failed to decode": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"tags":["`)
			gigabyte(w, r)
		},
		"at most 10000 tags": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"tags":["a"`+strings.Repeat(`,"a"`, maxTags)+`]}`)
		},
	} {
		h.tags = tags
		if _, err := List(t.Context(), h.reference(), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected %q", err, want)
		}
	}
	if n := pages.Load(); n > maxTagPages {
		t.Errorf("%d pages were read", n)
	}
}

// TestG12ASlowRegistryIsLeft has a registry that sends a byte now and then, and one that
// sends nothing. The registries wait for the client, not for a time.
func TestG12ASlowRegistryIsLeft(t *testing.T) {
	for name, blob := range map[string]func(http.ResponseWriter, *http.Request){
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a byte": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "w")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	} {
		h := newHostile(t)
		h.manifestFor(t, "wasm", 4)
		h.blob = blob
		if _, err := Pull(t.Context(), h.reference(), Options{Timeout: 200 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "the registry took more than 200ms") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestG12CredentialsStayWithTheRegistry redirects a request with credentials to another
// server, as registries do whose blobs are in a bucket.
func TestG12CredentialsStayWithTheRegistry(t *testing.T) {
	var stolen atomic.Value
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen.Store(r.Header.Get("Authorization"))
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, "wasm")
	}))
	defer bucket.Close()
	h := newHostile(t)
	h.manifestFor(t, "wasm", 4)
	to := "/good"
	h.blob = func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, bucket.URL+to+"?X-Amz-Signature=secret", http.StatusTemporaryRedirect)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths": {%q: {"username": "ci", "password": "secret"}}}`, h.Listener.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := Pull(t.Context(), h.reference(), Options{Credentials: file})
	if err != nil || string(g.Wasm) != "wasm" {
		t.Error(err)
	}
	if got := stolen.Load(); got != "" {
		t.Errorf("the bucket got %q", got)
	}
	to = "/bad"
	if _, err := Pull(t.Context(), h.reference(), Options{Credentials: file}); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v", err)
	}
	h.blob = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }
	if _, err := Pull(t.Context(), h.reference(), Options{}); err == nil || !strings.Contains(err.Error(), "at most 5 redirects") {
		t.Errorf("got %v", err)
	}
}

func TestG12ARedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	of := func(url string) *http.Request { return httptest.NewRequest(http.MethodGet, url, nil) }
	if err := checkRedirect(of("http://a/"), []*http.Request{of("https://a/")}); err == nil {
		t.Error("it is followed")
	}
	if err := checkRedirect(of("https://b/"), []*http.Request{of("http://a/")}); err != nil {
		t.Error(err)
	}
}

func TestErrorsHaveNoControlCharacters(t *testing.T) {
	h := newHostile(t)
	h.tags = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"\u001b[2J\n`+strings.Repeat("x", 4<<10)+`"}]}`)
	}
	_, err := List(t.Context(), h.reference(), Options{})
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") || len(err.Error()) > maxText+200 {
		t.Errorf("got %v", err)
	}
}
