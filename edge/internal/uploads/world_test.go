package uploads

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// world is a server with two tenants, each below its URL.
type world struct {
	*httptest.Server
	t        *testing.T
	handler  *Handler
	location string
	storage  *disk.Storage
}

func newWorld(t *testing.T, o Options, c disk.Config) *world {
	t.Helper()
	o.Tag = func(info fs.FileInfo) string {
		return fmt.Sprintf(`"%d-%d-%d"`, info.Size(), info.ModTime().UnixNano(), inode(info))
	}
	o.Logger = slog.New(slog.DiscardHandler)
	w := &world{t: t, handler: New(o), location: t.TempDir()}
	c.Location, c.BaseURL, c.NoSync = w.location, "/media/", true
	var err error
	if w.storage, err = disk.New(c); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(func() {
		w.Server.Close()
		if err := w.storage.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// serve serves the tenant in the header Tenant.
func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	w.handler.Announce(out, r)
	view, err := w.storage.For(r.Context(), storage.Tenant{Schema: r.Header.Get("Tenant")})
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	defer view.Close()
	if a, ok := w.handler.Action(r, view, r.URL.Path); ok {
		w.handler.Serve(out, r, a)
		return
	}
	out.Header().Set("Allow", w.handler.Allow(view))
	out.WriteHeader(http.StatusMethodNotAllowed)
}

// send sends a request of tenant t1, unless the headers say otherwise.
func (w *world) send(method, path, content string, headers ...string) *http.Response {
	w.t.Helper()
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
	}
	return w.sendBody(method, path, body, headers...)
}

func (w *world) sendBody(method, path string, body io.Reader, headers ...string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, w.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Tenant", "t1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || strings.Contains(string(b), w.location) {
		w.t.Fatalf("%s %s answered %q, %v", method, path, b, err)
	}
	return response
}

// file returns the content of a file on the disk; "" if it is missing.
func (w *world) file(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.location, name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

// stored returns the names of all files on the disk.
func (w *world) stored() (names []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.location, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ = filepath.Rel(w.location, name)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

func (w *world) expect(what string, r *http.Response, status int) {
	w.t.Helper()
	if r.StatusCode != status {
		w.t.Errorf("%s: answered %d, expected %d", what, r.StatusCode, status)
	}
}
