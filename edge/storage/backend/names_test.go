package backend

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzNames compares names with the guest's decision about them: they resolve to
// the same path, or both reject the name.
func FuzzNames(f *testing.F) {
	s, _ := New(Config{Location: "/srv/media", BaseURL: "/media/", LongestPath: 4095})
	n, err := s.Names(f.Context(), storage.Tenant{Schema: "t1"})
	must(f, err)
	for _, name := range []string{
		"a.txt", "", ".", "..", "../t1/a", "/srv/media/t1/a", "/srv/media/t11/a", "//srv/media/t1/a", "///srv/media/t1/a", "a//b/./c/../d/", "a\\..\\b", "\x00", "\xff",
		".tenantedge-x/y", "a.tar.gz", "..a..b", "é/日本",
	} {
		f.Add(name, 12)
	}
	f.Fuzz(func(t *testing.T, name string, maxLength int) {
		rel, err := n.Resolve(name)
		q := s.query(&n.tenant)
		q.Name, q.HasName = name, true
		p := tenancy.Locate(&q, true)
		switch {
		case err == nil && (!fs.ValidPath(rel) || !p.HasPath || p.Path != strings.TrimSuffix(n.location+"/"+rel, "/.")):
			t.Errorf("%q is %q here, and %q in Django", name, rel, p.Path)
		case err != nil && !errors.Is(err, storage.ErrSuspicious) && !errors.Is(err, syscall.ENAMETOOLONG):
			t.Errorf("%q: %v, expected ErrSuspicious", name, err)
		case err != nil && p.HasPath && fs.ValidPath(name) && strings.IndexByte(name, 0) < 0 && !Reserved(name) && len(name) < 4000:
			t.Errorf("%q: %v, and Django has it at %q", name, err, p.Path)
		}
		if valid, err := storage.ValidName(name); err == nil {
			if again, err := storage.ValidName(valid); again != valid || err != nil || strings.Contains(valid, "/") {
				t.Errorf("%q is valid as %q, and that as %q, %v", name, valid, again, err)
			}
		}
		if generated, err := storage.GenerateFilename(name); err == nil && climbs(generated) {
			t.Errorf("%q is generated from %q", generated, name)
		}
		free, err := storage.AvailableName(name, maxLength, func(candidate string) (bool, error) { return candidate == name, nil })
		if err == nil && (free == name || climbs(free) || maxLength > 0 && len([]rune(free)) > maxLength) {
			t.Errorf("%q with at most %d is %q", name, maxLength, free)
		}
	})
}

func climbs(name string) bool { return slices.Contains(strings.Split(name, "/"), "..") }
