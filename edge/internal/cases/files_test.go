package cases

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

func TestResetRestoresTheFilesOfTenants(t *testing.T) {
	files, err := newTenantFiles(map[string]map[string]config.Text{"acme": {"a/b.txt": "x"}}, defaultNow)
	if err != nil {
		t.Fatal(err)
	}
	kept, changed := filepath.Join(files.folder, "acme", "a", "b.txt"), filepath.Join(files.folder, "beta")
	for range 2 {
		if err := files.reset(context.Background()); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(kept)
		if info, statErr := os.Stat(kept); err != nil || statErr != nil || string(content) != "x" || !info.ModTime().Equal(defaultNow) {
			t.Errorf("%q, %v, %v", content, err, statErr)
		}
		if _, err := os.Stat(changed); !os.IsNotExist(err) {
			t.Errorf("what a case saved is still there: %v", err)
		}
		for path, change := range map[string]func(string) error{kept: os.Remove, changed: func(p string) error { return os.Mkdir(p, 0o700) }} {
			if err := change(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := files.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(files.folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
