package file_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/sourcetest"
)

func encode(t testing.TB, s tenantdb.State) []byte {
	t.Helper()
	tenants, domains := []map[string]any{}, []map[string]any{}
	for _, tn := range s.Tenants {
		row := map[string]any{"id": json.Number(tn.ID), "schema_name": tn.Schema}
		for _, a := range tn.Attributes {
			row[a.Name] = a.Value
		}
		tenants = append(tenants, row)
	}
	for _, d := range s.Domains {
		domains = append(domains, map[string]any{
			"tenant_id": d.TenantID, "domain": d.Domain, "folder": d.Folder,
			"is_primary": d.IsPrimary, "redirect_to_primary": d.RedirectToPrimary,
		})
	}
	data, err := json.MarshalIndent(map[string]any{"tenants": tenants, "domains": domains}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace writes a new file and renames it over the old one, as editors do.
func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	put(t, path+".new", data)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestSource(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(testing.TB, string, []byte)
	}{
		{"written in place", put},
		{"renamed over", replace},
	} {
		t.Run(c.name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, initial tenantdb.State) sourcetest.Backend {
				path := filepath.Join(t.TempDir(), "tenants.json")
				put(t, path, encode(t, initial))
				last := encode(t, initial)
				return sourcetest.Backend{
					Source: file.New(file.Options{Path: path, Poll: time.Hour}),
					Write: func(t *testing.T, s tenantdb.State) {
						last = encode(t, s)
						c.write(t, path, last)
					},
					Break: func(t *testing.T) { c.write(t, path, last[:len(last)/2]) },
					Mend:  func(t *testing.T) { c.write(t, path, last) },
				}
			})
		})
	}
}

func follow(t *testing.T, path string, poll time.Duration) *tenantdb.Directory {
	t.Helper()
	dir := tenantdb.NewDirectory(tenantdb.Options{Logger: slog.New(slog.DiscardHandler)})
	src := file.New(file.Options{Path: path, Poll: poll})
	if err := src.Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = src.Follow(ctx, dir) // it returns the context's error
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return dir
}

func tenants(names ...string) []byte {
	text := "tenants:\n"
	for _, n := range names {
		text += "- {id: " + n + ", schema_name: " + n + "}\n"
	}
	return []byte(text)
}

func has(dir *tenantdb.Directory, schema string) func() bool {
	return func() bool {
		_, found := dir.BySchema(schema)
		return found
	}
}

func TestAnInvalidEditIsReportedAndKeepsTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	put(t, path, tenants("a", "b"))
	dir := follow(t, path, time.Hour)
	replace(t, path, []byte("tenants:\n- {id: a, schema_name: a}\n- {id: [1], schema_name: b}\n"))
	sourcetest.Eventually(t, "the reason", func() bool { return dir.Stats().Degraded != "" })
	if got := dir.Stats().Degraded; !strings.Contains(got, "tenants.yaml:3:8: tenants[1].id: expected text or a whole number, found a list") {
		t.Errorf("reason: %s", got)
	}
	if !has(dir, "b")() {
		t.Error("the last good state was lost")
	}
	replace(t, path, tenants("a", "b")) // the same bytes as the last good state
	sourcetest.Eventually(t, "the end of the degradation", func() bool { return dir.Stats().Degraded == "" })
}

func TestAFileThatIsRemovedAndCreatedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	put(t, path, tenants("a"))
	dir := follow(t, path, time.Hour)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	sourcetest.Eventually(t, "the reason", func() bool { return strings.Contains(dir.Stats().Degraded, "no such file") })
	if !has(dir, "a")() {
		t.Error("the last good state was lost")
	}
	put(t, path, tenants("a", "b"))
	sourcetest.Eventually(t, "the new state", has(dir, "b"))
}

// Kubernetes mounts a config map as links: tenants.yaml leads to
// ..data/tenants.yaml, and ..data to a folder. An update makes a new folder and
// swaps ..data.
func TestAConfigMapIsWatched(t *testing.T) {
	root := t.TempDir()
	version := func(name string, data []byte) {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(root, name, "tenants.yaml"), data)
		if err := os.Symlink(name, filepath.Join(root, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(root, "..data_tmp"), filepath.Join(root, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", tenants("a"))
	path := filepath.Join(root, "tenants.yaml")
	if err := os.Symlink(filepath.Join("..data", "tenants.yaml"), path); err != nil {
		t.Fatal(err)
	}
	dir := follow(t, path, time.Hour)
	for i, name := range []string{"b", "c"} {
		version("..new"+name, tenants(name))
		if err := os.RemoveAll(filepath.Join(root, []string{"..1", "..newb"}[i])); err != nil {
			t.Fatal(err)
		}
		sourcetest.Eventually(t, name, has(dir, name))
	}
}

func TestALinkToAFileInAnotherFolderIsFollowed(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "real.yaml")
	put(t, elsewhere, tenants("a"))
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	dir := follow(t, path, time.Hour)
	replace(t, elsewhere, tenants("b"))
	sourcetest.Eventually(t, "the other file's change", has(dir, "b"))
}

func TestAFileIsPolledWhereNoChangeIsReported(t *testing.T) {
	// The watch does not report that the folder itself is replaced.
	root := t.TempDir()
	folder := filepath.Join(root, "conf")
	for name, data := range map[string][]byte{"conf": tenants("a"), "next": tenants("b")} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(root, name, "tenants.yaml"), data)
	}
	dir := follow(t, filepath.Join(folder, "tenants.yaml"), 5*time.Millisecond)
	if err := os.Rename(folder, folder+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "next"), folder); err != nil {
		t.Fatal(err)
	}
	sourcetest.Eventually(t, "the other folder's file", has(dir, "b"))
}
