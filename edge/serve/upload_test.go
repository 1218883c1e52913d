package serve

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func uploadsFor(access string) func(*setup) {
	return serveAs(config.URLConf{Media: true, Access: access, Uploads: &config.Uploads{
		Resumable: true, Expiry: time.Hour, Timeout: patience, Public: access == config.AccessPublic,
	}})
}

// send sends a request with a body.
func (w *world) send(method, host, target, content string, headers ...string) answer {
	w.Helper()
	r := w.request(method, host, target, headers...)
	if content != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
	}
	return w.do(r)
}

// disk returns the content of a file on the disk, or "" if it is missing.
func (w *mediaWorld) disk(name string) string {
	w.Helper()
	b, err := os.ReadFile(filepath.Join(w.location, name))
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	return string(b)
}

var tusHeaders = []string{"Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream"}

func TestUploadsBelongToTheTenant(t *testing.T) {
	w := startMedia(t, uploadsFor(config.AccessPublic))
	put := w.send("PUT", "acme.example.com", "/media/acme/new.txt", "uploaded")
	if put.StatusCode != 201 || w.disk("acme/new.txt") != "uploaded" {
		t.Fatalf("PUT: %d %q", put.StatusCode, put.body)
	}
	got := w.get("acme.example.com", put.Header.Get("Location"))
	if got.body != "uploaded" || got.Header.Get("ETag") != put.Header.Get("ETag") {
		t.Errorf("GET: %d %q, tags %q and %q", got.StatusCode, got.body, got.Header.Get("ETag"), put.Header.Get("ETag"))
	}
	put = w.send("PUT", "acme.example.com", "/media/acme/new.txt", "again", "If-Match", got.Header.Get("ETag"))
	if put.StatusCode != 204 || w.disk("acme/new.txt") != "again" {
		t.Errorf("PUT with If-Match: %d", put.StatusCode)
	}
	inFolder := w.send("PUT", "shared.example.com", "/umbra/media/new.txt", "of umbra")
	if inFolder.StatusCode != 201 || inFolder.Header.Get("Location") != "/umbra/media/new.txt" || w.disk("other/new.txt") != "of umbra" {
		t.Errorf("in a folder: %d, %v", inFolder.StatusCode, inFolder.Header)
	}
	for _, c := range []struct{ method, host, target string }{
		{"PUT", "acme.example.com", "/media/other/x.txt"},
		{"DELETE", "acme.example.com", "/media/other/a.txt"},
		{"POST", "acme.example.com", "/media/other/x.txt"},
		{"PUT", "unknown.example.com", "/media/acme/x.txt"},
	} {
		if a := w.send(c.method, c.host, c.target, "x", tusHeaders...); a.StatusCode != 404 {
			t.Errorf("%s %s%s: %d, expected 404", c.method, c.host, c.target, a.StatusCode)
		}
	}
	if a := w.send("TRACE", "acme.example.com", "/media/acme/a.txt", ""); a.StatusCode != 405 || !strings.Contains(a.Header.Get("Allow"), "PUT") {
		t.Errorf("TRACE: %d, %v", a.StatusCode, a.Header)
	}
	if a := w.send("DELETE", "acme.example.com", "/media/acme/new.txt", ""); a.StatusCode != 204 || w.disk("acme/new.txt") != "" {
		t.Errorf("DELETE: %d", a.StatusCode)
	}
	shown, err := w.server.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range shown {
		names = append(names, m.GetName())
	}
	for _, name := range []string{"tenantedge_uploads_total", "tenantedge_upload_bytes_total", "tenantedge_uploads_refused_total"} {
		if !slices.Contains(names, name) {
			t.Errorf("/metrics does not show %s", name)
		}
	}
	if s := w.server.now().uploadStats(); s.Created != 2 || s.Replaced != 1 || s.Deleted != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestF1NoUploadLeavesTheTenantsFiles(t *testing.T) {
	w := startMedia(t, uploadsFor(config.AccessPublic))
	w.plantLinks()
	before := w.everything()
	for _, target := range hostileTargets {
		for _, method := range []string{"PUT", "DELETE", "POST"} {
			head := method + " /media/acme/" + target + " HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\n" +
				"If-Match: *\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 4\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 4\r\n\r\nevil"
			w.raw(head)
		}
	}
	after := w.everything()
	for name, content := range before {
		if !strings.HasPrefix(name, "media/acme/") && after[name] != content {
			t.Errorf("%s was changed to %q", name, after[name])
		}
	}
	for name := range after {
		if _, was := before[name]; !was && !strings.HasPrefix(name, "media/acme/") {
			t.Errorf("%s was created", name)
		}
	}
}

// everything returns all files in and around the media, with their content.
func (w *mediaWorld) everything() map[string]string {
	w.Helper()
	found := make(map[string]string)
	above := filepath.Dir(w.location)
	err := filepath.WalkDir(above, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		name, _ = filepath.Rel(above, name)
		found[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return found
}

func TestF7ASignatureForReadingDoesNotAllowWriting(t *testing.T) {
	key := storage.Key{ID: "k", Secret: []byte("a secret of sixteen bytes")}
	w := startMedia(t, uploadsFor(config.AccessSigned), func(s *setup) { s.options.SigningKeys = []storage.Key{key} })
	signer, err := storage.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	at := func(method, path string) string {
		g := storage.Grant{Tenant: "acme", Method: method, Path: path, Expires: time.Now().Add(time.Hour)}
		return path + "?" + signer.Sign(g).Encode()
	}
	const name = "/media/acme/new.txt"
	for _, c := range []struct {
		name, method, target string
		status               int
	}{
		{"PUT without a signature", "PUT", name, 403},
		{"POST without a signature", "POST", name, 403},
		{"PUT with a signature for GET", "PUT", at("GET", name), 403},
		{"PUT with a signature for another name", "PUT", "/media/acme/other.txt?" + strings.SplitN(at("PUT", name), "?", 2)[1], 403},
		{"DELETE with a signature for PUT", "DELETE", at("PUT", "/media/acme/a.txt"), 403},
		{"GET with a signature for PUT", "GET", at("PUT", "/media/acme/a.txt"), 403},
		{"PUT with its own signature", "PUT", at("PUT", name), 201},
		{"DELETE with its own signature", "DELETE", at("DELETE", name), 204},
	} {
		if a := w.send(c.method, "acme.example.com", c.target, "x", append(tusHeaders, "Upload-Length", "1")...); a.StatusCode != c.status {
			t.Errorf("%s: %d, expected %d", c.name, a.StatusCode, c.status)
		}
	}
	begun := w.send("POST", "acme.example.com", at("PUT", name), "ha", append(tusHeaders, "Upload-Length", "4")...)
	if begun.StatusCode != 201 {
		t.Fatalf("POST with a signature for PUT: %d", begun.StatusCode)
	}
	upload := begun.Header.Get("Location")
	bare := name + "?" + upload[strings.Index(upload, "te-upload="):]
	for target, status := range map[string]int{bare: 403, upload: 200} {
		if a := w.send("HEAD", "acme.example.com", target, "", tusHeaders...); a.StatusCode != status {
			t.Errorf("HEAD %s: %d, expected %d", target, a.StatusCode, status)
		}
	}
	if a := w.send("PATCH", "acme.example.com", upload, "lf", append(tusHeaders, "Upload-Offset", "2")...); a.StatusCode != 204 || w.disk("acme/new.txt") != "half" {
		t.Errorf("PATCH: %d, the file is %q", a.StatusCode, w.disk("acme/new.txt"))
	}
}

func TestPrivateUploadsAreAuthorizedByTheGuest(t *testing.T) {
	guest := wasmtest.Guest(t, "guest/examples/members")
	w := startMedia(t, uploadsFor(config.AccessPrivate), func(s *setup) {
		s.edge.Guest, s.edge.Queries = guest, memberSessions{}
		s.edge.Limits.Deadline = patience
	})
	write(t, w.location, "acme/shared/s.txt", "for all")
	for _, cookie := range []string{"session=k2", ""} {
		for _, c := range []struct {
			method, target string
			status         int
		}{
			{"PUT", "/media/acme/new.txt", 403}, {"DELETE", "/media/acme/a.txt", 403}, {"POST", "/media/acme/new.txt", 403},
			{"PUT", "/media/acme/shared/new.txt", 403}, {"DELETE", "/media/acme/shared/s.txt", 403}, {"POST", "/media/acme/shared/", 403},
			{"PUT", "/media/acme/drafts/d.txt", 404}, {"PATCH", "/media/acme/new.txt?te-upload=abcdefghijklmnopqrstuvwxyz", 403},
		} {
			a := w.send(c.method, "acme.example.com", c.target, "x", append(tusHeaders, "Cookie", cookie, "Upload-Length", "1", "Upload-Metadata", "filename eA==")...)
			if a.StatusCode != c.status {
				t.Errorf("%s %s with %q: %d, expected %d", c.method, c.target, cookie, a.StatusCode, c.status)
			}
		}
	}
	begun := w.send("POST", "acme.example.com", "/media/acme/in/", "ha", append(tusHeaders, "Cookie", "session=k1", "Upload-Length", "4", "Upload-Metadata", "filename eC50eHQ=")...)
	if begun.StatusCode != 201 {
		t.Fatalf("a member: %d %q", begun.StatusCode, begun.body)
	}
	upload := begun.Header.Get("Location")
	for cookie, status := range map[string]int{"session=k2": 403, "session=k1": 204} {
		a := w.send("PATCH", "acme.example.com", upload, "lf", append(tusHeaders, "Cookie", cookie, "Upload-Offset", "2")...)
		if a.StatusCode != status {
			t.Errorf("PATCH with %q: %d, expected %d", cookie, a.StatusCode, status)
		}
	}
	if got := w.disk("acme/in/x.txt"); got != "half" {
		t.Errorf("the file is %q", got)
	}
	if options := w.send(http.MethodOptions, "acme.example.com", "/media/acme/a.txt", ""); options.StatusCode != 204 {
		t.Errorf("OPTIONS: %d", options.StatusCode)
	}
}

func TestMediaWithoutUploadsAreReadOnly(t *testing.T) {
	w := startMedia(t)
	for _, method := range []string{"PUT", "DELETE", "POST", "PATCH", "OPTIONS"} {
		if a := w.send(method, "acme.example.com", "/media/acme/a.txt?te-upload=x", "x", tusHeaders...); a.StatusCode != 405 {
			t.Errorf("%s: %d, expected 405", method, a.StatusCode)
		}
	}
	if w.disk("acme/a.txt") != "of acme" {
		t.Error("the file was changed")
	}
}

func TestQuotasAreEnforced(t *testing.T) {
	w := startMedia(t, uploadsFor(config.AccessPublic), func(s *setup) {
		s.options.Media.QuotaBytes, s.options.Media.QuotaFiles, s.options.Media.MaxFileBytes = 20, 4, 9 // a folder counts, too
	})
	for _, c := range []struct {
		name, content string
		status        int
	}{
		{"large.txt", "0123456789", 413}, {"new.txt", "01234567", 201}, {"one-more.txt", "", 507},
	} {
		a := w.send("PUT", "acme.example.com", "/media/acme/"+c.name, c.content)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %q, expected %d", c.name, a.StatusCode, a.body, c.status)
		}
	}
}

func TestErrorsOfResumableUploadsHaveTheVersion_C7(t *testing.T) {
	w := startMedia(t, uploadsFor(config.AccessSigned), func(s *setup) {
		s.options.SigningKeys = []storage.Key{{ID: "k", Secret: []byte("a secret of sixteen bytes")}}
	})
	w.get("acme.example.com", "/media/acme/a.txt") // acme has the folder first, and keeps it
	state := mediaState()
	state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: "3", Schema: "twin", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "acme"}}})
	state.Domains = append(state.Domains, tenantdb.Domain{TenantID: "3", Domain: "twin.example.com"})
	w.directory.Replace(state)
	for _, c := range []struct {
		method, host, target string
		status               int
	}{
		{"POST", "acme.example.com", "/media/acme/x.txt", 403},
		{"PATCH", "acme.example.com", "/media/acme/x.txt?te-upload=x", 403},
		{"HEAD", "acme.example.com", "/media/acme/x.txt?te-upload=x", 403},
		{"DELETE", "acme.example.com", "/media/acme/x.txt?te-upload=x", 403},
		{"POST", "acme.example.com", "/media/other/x.txt", 403},
		{"POST", "twin.example.com", "/media/acme/x.txt", 503},
	} {
		a := w.send(c.method, c.host, c.target, "", tusHeaders...)
		if a.StatusCode != c.status || a.Header.Get("Tus-Resumable") != "1.0.0" {
			t.Errorf("%s %s%s: %d, expected %d, %v", c.method, c.host, c.target, a.StatusCode, c.status, a.Header)
		}
	}
}

func TestNamesThatAreTooDeepAreCountedAndAffectNoOtherTenant_C6(t *testing.T) {
	const depth, names = 8, 50
	w := startMedia(t, uploadsFor(config.AccessPublic), func(s *setup) { s.options.Media.MaxDepth = depth })
	below := func(folders, i int) string { return strings.Repeat("d/", folders) + fmt.Sprint(i) }
	expect := func(method, host, target string, status int) {
		t.Helper()
		if a := w.send(method, host, target, "x"); a.StatusCode != status {
			t.Errorf("%s %s%.80s: %d, expected %d", method, host, target, a.StatusCode, status)
		}
	}
	var all sync.WaitGroup
	for _, folders := range []int{depth + 1, 1000} {
		all.Go(func() {
			for i := range names {
				expect("PUT", "acme.example.com", "/media/acme/"+below(folders, i), 403)
			}
		})
	}
	all.Go(func() {
		for i := range names {
			target := "/media/other/" + below(depth, i)
			expect("PUT", "umbra.example.com", target, 201)
			if a := w.get("umbra.example.com", target); a.StatusCode != 200 || a.body != "x" {
				t.Errorf("another tenant's: %d %q", a.StatusCode, a.body)
			}
			expect("DELETE", "umbra.example.com", target, 204)
		}
	})
	all.Wait()
	expect("PUT", "acme.example.com", "/media/acme/"+below(depth, 0), 201)
	if n := w.metric("tenantedge_files_too_deep_total"); n != fmt.Sprint(2*names) {
		t.Errorf("%v were counted, expected %d", n, 2*names)
	}
}
