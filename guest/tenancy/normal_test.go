package tenancy

import (
	"strings"
	"testing"
)

// referenceFolder returns the folder of a tenant as the reference does.
func referenceFolder(location, identifier string) string {
	folder := joinPath(location, identifier)
	if !strings.HasSuffix(folder, "/") {
		folder += "/"
	}
	return folder
}

// FuzzNormalPaths compares the functions that have a shortcut for normal paths with
// those that do not.
func FuzzNormalPaths(f *testing.F) {
	for _, s := range [][2]string{
		{"/srv/media/t1/", "a.txt"}, {"/", "a/b"}, {"//", "//a"}, {"///a", "a//b/"}, {"/a/./b", "../x"}, {"", ""}, {"media/", "."},
		{"/a?b/", "x"}, {"/a#/", "x"}, {"/a\tb/", "x"}, {"/\xff/", "\xff"}, {"/\u00e9/", "\u00e9 ~'\\x"}, {"/a/..", `\\x\y`}, {"/a/.../", ".../%2e"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, base, name string) {
		for _, path := range []string{base, name, base + name} {
			if got, want := normPath(path), buildNormPath(path); got != want {
				t.Errorf("normPath(%q) = %q, want %q", path, got, want)
			}
		}
		if name != "" {
			if got, want := joinURL(base, name), urljoin(base, name); got != want {
				t.Errorf("joinURL(%q, %q) = %q, want %q", base, name, got, want)
			}
		}
		if got, want := folderOf(base, name), referenceFolder(base, name); got != want {
			t.Errorf("folderOf(%q, %q) = %q, want %q", base, name, got, want)
		}
		escaped := strings.TrimLeft(string(appendEscaped(nil, strings.ReplaceAll(name, `\`, "/"), &fileSafe)), "/")
		if got := fileURL(name); got != escaped {
			t.Errorf("fileURL(%q) = %q, want %q", name, got, escaped)
		}
	})
}

// Building strings is the main cost of locating a file.
func TestLocateAllocatesOnlyItsResults(t *testing.T) {
	for _, c := range []struct {
		name  string
		query PathQuery
		max   float64
	}{
		{"the bases", PathQuery{Schema: "t1", Location: "/srv/media", BaseURL: "/media/"}, 2},
		{"a file", PathQuery{Schema: "t1", Location: "/srv/media", BaseURL: "/media/", Name: "a/b.txt", HasName: true}, 4},
		{"a file that is escaped", PathQuery{Schema: "t1", Folder: "x", Location: "/srv/media", BaseURL: "/media/", Name: "a b.txt", HasName: true}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() { _ = Locate(&c.query, false) }); n > c.max {
				t.Errorf("%v allocations, want at most %v", n, c.max)
			}
		})
	}
}
