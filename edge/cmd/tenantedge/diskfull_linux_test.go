package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// smallDisk mounts a disk of two megabytes, or skips the test.
func smallDisk(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// fill fills a disk with one file, and returns its name.
func fill(t *testing.T, folder string) (name string) {
	t.Helper()
	name = filepath.Join(folder, "filler")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 1<<10))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling the disk ends with %v", err)
	}
	return name
}

// A full disk fails uploads. The edge starts, requests are served, and changes of the
// directory are seen: what cannot be written is counted, and written when there is room.
func TestAFullDiskFailsOnlyUploads(t *testing.T) {
	disk := smallDisk(t)
	t.Setenv("TENANTEDGE_TOKEN", "a token that only tests have")
	e := newEdge(t, `
admin_token_env: TENANTEDGE_TOKEN
tenants: {default: {URLCONF: app}}
directory: {source: postgres, dsn: %q, state_file: %[2]s/state}
urlconfs: {app: {reply: {body: "here"}, media: true, uploads: {public: true}}}
media: {location: %[2]s/media, min_free: 64KiB}
audit_log: %[2]s/audit
record: {folder: %[2]s/record, rate: 100%%}
usage: {folder: %[2]s/usage, window: 1s}
`, pgtest.Start(t).NewDB(t), disk)
	w := e.w
	mustCommand(t, "db", "init", "-c", w.config)
	mustCommand(t, "tenants", "-c", w.config, "add", "t1", "--domain", "t1.example.com")
	filler := fill(t, disk)
	w.startEdges()
	upload := func(name, want string) {
		t.Helper()
		if got := e.ask("PUT", "t1.example.com", "/media/t1/"+name); got != want {
			t.Errorf("the upload of %s gets %s, expected %s", name, got, want)
		}
	}
	served := func(hosts ...string) {
		t.Helper()
		for _, host := range hosts {
			if got := e.ask("GET", host, "/"); got != "200" {
				t.Errorf("%s: a request gets %s while the disk is full", host, got)
			}
		}
	}
	upload("a", "507")
	mustCommand(t, "tenants", "-c", w.config, "add", "t2", "--domain", "t2.example.com")
	w.until("the new tenant is served", func() bool { return e.ask("GET", "t2.example.com", "/") == "200" })
	e.rollBack(t)
	for _, metric := range []string{"tenantedge_audit_failures_total", "tenantedge_usage_failures_total", "tenantedge_record_errors_total", "tenantedge_directory_state_file_failures_total"} {
		w.until(metric+" counts failures", func() bool {
			served("t1.example.com", "t2.example.com")
			metrics := e.look("/metrics")
			return strings.Contains(metrics, "\n"+metric+" ") && !strings.Contains(metrics, "\n"+metric+" 0\n")
		})
	}
	if ready := e.look("/readyz"); !strings.Contains(ready, `"ready": true`) || !strings.Contains(ready, "no space left on device") {
		t.Errorf("/readyz says %s", ready)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	upload("b", "201")
	e.rollBack(t)
	for name, text := range map[string]string{"state": "t2.example.com", "audit": "POST /guest/rollback", "usage/*": `"t2"`} {
		w.until(name+" is written", func() bool { return strings.Contains(contents(t, disk, name), text) })
	}
	// Requests are recorded again within ten seconds, which a test of package record shows.
	fill(t, disk)
	upload("c", "507")
	served("t1.example.com", "t2.example.com")
	e.shutDown()
}

// rollBack asks for the guest before the first, which is refused and audited.
func (e *fleetEdge) rollBack(t *testing.T) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+e.admin+"/guest/rollback", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("TENANTEDGE_TOKEN"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusConflict {
		t.Errorf("the rollback gets %d %s", resp.StatusCode, text)
	}
}

// contents returns the contents of the files that a pattern matches.
func contents(t *testing.T, folder, pattern string) (all string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // it may be a temporary one
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}
