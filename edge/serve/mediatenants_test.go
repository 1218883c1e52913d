package serve

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestF2TenantsThatWouldShareAFolderPreventTheStartAndAreRefusedLater(t *testing.T) {
	w := startMedia(t)
	if err := w.server.now().checkFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	state := mediaState()
	state.Tenants[1].Attributes[0].Value = "ACME" // umbra now has the folder of acme
	w.directory.Replace(state)
	if err := w.server.now().checkFiles(t.Context()); err == nil || !strings.Contains(err.Error(), `tenant "umbra"`) {
		t.Errorf("%v, expected an error that names umbra", err)
	}
	if a := w.get("umbra.example.com", "/media/ACME/a.txt"); a.StatusCode != 503 || strings.Contains(a.body, "of") {
		t.Errorf("umbra: %d %q", a.StatusCode, a.body)
	}
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != 200 {
		t.Errorf("acme, which had the identifier first: %d", a.StatusCode)
	}
	if len(w.logs.entries("the files of a tenant are not served")) != 1 {
		t.Errorf("the log says\n%s", w.logs)
	}
	w.directory.Replace(mediaState())
	if a := w.get("umbra.example.com", "/media/other/a.txt"); a.StatusCode != 200 {
		t.Errorf("umbra, after the change was reverted: %d", a.StatusCode)
	}
}

func TestF2ACollidingTenantIsRefusedFromItsFirstRequest(t *testing.T) {
	w := startMedia(t)
	w.get("acme.example.com", "/media/acme/a.txt")
	w.directory.Apply([]tenantdb.Change{{
		Tenant:  tenantdb.Tenant{ID: "3", Schema: "late", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "acme"}}},
		Domains: []tenantdb.Domain{{TenantID: "3", Domain: "late.example.com", IsPrimary: true}},
	}})
	if a := w.get("late.example.com", "/media/acme/a.txt"); a.StatusCode != 503 {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestF3WithoutATenantThereAreNoFiles(t *testing.T) {
	w := startMedia(t, func(s *setup) {
		s.options.URLConfs["alone"] = config.URLConf{Media: true}
		s.options.Fallback = "alone"
	})
	for _, target := range []string{"/media/root.txt", "/media/acme/a.txt", "/media//root.txt", "/media/../root.txt", "/media/public/a.txt", "/root.txt", "/"} {
		if a := w.get("unknown.example.com", target); a.StatusCode != 404 || leak.MatchString(a.body) {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
}

func TestF4TwoTenantsInFoldersOfOneHostHaveTheirOwnFiles(t *testing.T) {
	w := startMedia(t)
	for target, want := range map[string]string{
		"/acme/media/a.txt": "of acme", "/umbra/media/a.txt": "of umbra",
	} {
		if a := w.get("shared.example.com", target); a.StatusCode != 200 || a.body != want {
			t.Errorf("%s: %d %q, expected %q", target, a.StatusCode, a.body, want)
		}
	}
	for _, target := range []string{
		"/acme/media/acme/a.txt", "/acme/media/other/a.txt", "/acme/media/only.txt", "/acme/media/umbra/a.txt", "/umbra/media/d/b.txt",
		"/media/a.txt", "/media/acme/a.txt", "/acme/umbra/media/a.txt", "/acme//umbra/media/a.txt", "/acme/../umbra/media/only.txt", "/acme%2f..%2fumbra/media/a.txt",
	} {
		a := w.get("shared.example.com", target)
		if strings.Contains(a.body, "of ") {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
	urls := map[string]bool{}
	for _, folder := range []string{"acme", "umbra"} {
		s, err := disk.New(disk.Config{Location: w.location, BaseURL: "/media/", Locator: w.server.Host()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		v, err := s.For(t.Context(), storage.Tenant{Schema: folder, Folder: folder})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		u, err := v.URL(t.Context(), "a.txt")
		if err != nil {
			t.Fatal(err)
		}
		if a := w.get("shared.example.com", u); a.StatusCode != 200 || urls[u] {
			t.Errorf("the URL %s from the storage: %d", u, a.StatusCode)
		}
		urls[u] = true
	}
}

// bytesOf returns the bytes of an answer, without its date and the id of the request.
func (w *world) bytesOf(request string) string {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		w.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		w.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^Date: .*\r\n`).ReplaceAllString(string(b), "")
	if id := regexp.MustCompile(`(?m)^X-Request-Id: ([A-Z0-9]{26})\r\n`).FindStringSubmatch(text); id != nil {
		text = strings.ReplaceAll(text, id[1], "ID")
	}
	return text
}

func TestF5AnothersFileAndAMissingOneAreTheSame(t *testing.T) {
	w := startMedia(t)
	w.plantLinks()
	get := func(method, target string) string {
		return w.bytesOf(method + " " + target + " HTTP/1.1\r\nHost: acme.example.com\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
	}
	for _, method := range []string{"GET", "HEAD"} {
		missing := get(method, "/media/acme/missing.txt")
		if !strings.HasPrefix(missing, "HTTP/1.1 404 ") {
			t.Fatalf("%q", missing)
		}
		for _, target := range []string{
			"/media/other/a.txt", "/media/other/missing.txt", "/media/umbra/a.txt", "/media/unknown/a.txt", "/media/root.txt", "/media/acme/outside.txt",
			"/media/acme/out/a.txt", "/media/acme/out/missing.txt", "/media/acme/up/other/a.txt", "/media/acme/pipe", "/media/acme/d", "/media/acme/.tenantedge-x",
		} {
			if got := get(method, target); got != missing {
				t.Errorf("%s %s:\n%q\nexpected the answer for a missing file\n%q", method, target, got, missing)
			}
		}
	}
}

// F2: a new guest may return identifiers that were not checked.
func TestF2NoNewGuestGivesATenantTheFilesOfAnother(t *testing.T) {
	w := startMedia(t)
	if err := w.server.now().checkFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	// This guest returns acme's files for all tenants.
	b := abi.Begin(make([]byte, abi.BufferSize), 0, abi.PathURL+1)
	b.Put(abi.PathIdentifier, "acme")
	b.Put(abi.PathBaseLocation, filepath.Join(w.location, "acme"))
	b.Put(abi.PathTenantURL, "/media/acme/")
	guest := wasmtest.Sound().Replies(abi.ExportPathname, string(b.Bytes()))
	if _, err := w.server.now().host.Swap(t.Context(), guest.Wasm()); err != nil {
		t.Fatal(err)
	}
	umbra := tenant.Tenant{Schema: "umbra"}
	umbra.Attributes = tenant.NewAttributes([]tenantdb.Attribute{{Name: tenant.PathnameAttribute, Value: "other"}})
	for _, s := range w.server.now().table.stores {
		// The identifiers of the new guest have not been checked yet.
		view, err := s.lease(t.Context(), &umbra)
		if err == nil {
			t.Errorf("umbra gets the files of %q", view.View.Identifier())
			view.Release()
		} else if !errors.Is(err, storage.ErrIdentifier) && !errors.Is(err, storage.ErrNoTenant) {
			t.Error(err)
		}
		if files, err := (guestStorage{s.storage, s}).View(t.Context(), storage.TenantOf(&umbra)); err == nil {
			t.Errorf("the guest gets the files of %q for umbra", files.Identifier())
			_ = files.Close()
		}
	}
}
