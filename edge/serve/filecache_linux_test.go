package serve

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// settle makes the cache take all files for such that have not changed for long.
func (w *world) settle() {
	w.server.now().cache.Now = func() time.Time { return time.Now().Add(time.Hour) }
}

func (w *world) expectHits(want uint64) {
	w.Helper()
	if s := w.server.now().cache.Stats(); s.Hits != want {
		w.Errorf("%+v, expected %d hits", s, want)
	}
}

func TestTenantsNeverGetEachOthersFilesFromMemory(t *testing.T) {
	w := startMedia(t)
	w.settle()
	at := func(name string) string { return filepath.Join(w.location, name) }
	write(t, w.location, "acme/linked.txt", "linked")
	if err := os.Link(at("acme/linked.txt"), at("other/linked.txt")); err != nil {
		t.Fatal(err)
	}
	get := func(host, target, want string) {
		t.Helper()
		status := 200
		if want == "" {
			status = 404
		}
		if a := w.get(host, target); a.StatusCode != status || want != "" && a.body != want {
			t.Errorf("%s%s: %d %q, expected %q", host, target, a.StatusCode, a.body, want)
		}
	}
	for range 2 {
		get("acme.example.com", "/media/acme/a.txt", "of acme")
		get("umbra.example.com", "/media/other/a.txt", "of umbra")
		get("www-site.example.com", "/media/www/a.txt", "of www")
		get("acme.example.com", "/media/acme/linked.txt", "linked")
		get("umbra.example.com", "/media/other/linked.txt", "linked")
		get("acme.example.com", "/media/other/a.txt", "")
		get("acme.example.com", "/media/acme/only.txt", "")
		get("acme.example.com", "/media/acme/../other/a.txt", "")
	}
	w.expectHits(5)
	// What is in memory for one tenant stays out of reach of the other.
	if err := os.Remove(at("other/linked.txt")); err != nil {
		t.Fatal(err)
	}
	get("umbra.example.com", "/media/other/linked.txt", "")
	for _, target := range []string{"../other/a.txt", at("other/a.txt")} {
		if err := os.Remove(at("acme/a.txt")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, at("acme/a.txt")); err != nil {
			t.Fatal(err)
		}
		get("acme.example.com", "/media/acme/a.txt", "")
	}
	// A tenant that takes over a folder gets its own files.
	if err := os.Rename(at("www"), at("www.old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at("other"), at("www")); err != nil {
		t.Fatal(err)
	}
	w.server.now().media.views.Close() // which the cache of views does after 5 s
	get("umbra.example.com", "/media/other/a.txt", "")
	get("www-site.example.com", "/media/www/a.txt", "of umbra")
}

func TestAllThatSendsFilesSendsThemFromMemory(t *testing.T) {
	w := startAccel(t)
	w.settle()
	write(t, w.folder, "a.css", "p {}")
	for range 2 {
		if a := w.get("files.example.com", "/a.css"); a.StatusCode != 200 || a.body != "p {}" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
		if a := w.get("files.example.com", "/a.css", "Range", "bytes=2-"); a.StatusCode != 206 || a.body != "{}" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
		for _, order := range [][2]string{{"X-Accel-Redirect", "/protected/a.txt"}, {"X-Sendfile", "a.txt"}} {
			if a := w.get("acme.example.com", "/", "X-Order-"+order[0], order[1]); a.StatusCode != 200 || a.body != "of acme" {
				t.Errorf("%d %q", a.StatusCode, a.body)
			}
		}
	}
	w.expectHits(6)
	metrics, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	body, err := io.ReadAll(metrics.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`tenantedge_file_cache_requests_total{result="hit"} 6`, `tenantedge_file_cache_requests_total{result="miss"} 2`, "tenantedge_file_cache_bytes 1035\n"} {
		if !strings.Contains(string(body), line) {
			t.Errorf("%q is missing in\n%s", line, body)
		}
	}
}
