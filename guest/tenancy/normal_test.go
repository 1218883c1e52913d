package tenancy

import (
	"strings"
	"testing"
)

// before is how the folder of a tenant is put together by the reference.
func before(location, identifier string) string {
	folder := joinPath(location, identifier)
	if !strings.HasSuffix(folder, "/") {
		folder += "/"
	}
	return folder
}

// FuzzWhatIsNormalAlready holds the short ways to the long ones.
func FuzzWhatIsNormalAlready(f *testing.F) {
	for _, s := range [][2]string{
		{"/srv/media/t1/", "a.txt"}, {"/", "a/b"}, {"//", "//a"}, {"///a", "a//b/"}, {"/a/./b", "../x"}, {"", ""}, {"media/", "."},
		{"/a?b/", "x"}, {"/a#/", "x"}, {"/a\tb/", "x"}, {"/\xff/", "\xff"}, {"/\u00e9/", "\u00e9 ~'\\x"}, {"/a/..", `\\x\y`}, {"/a/.../", ".../%2e"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, base, name string) {
		for _, path := range []string{base, name, base + name} {
			if got, want := normPath(path), normalise(path); got != want {
				t.Errorf("%q is %q, expected %q", path, got, want)
			}
		}
		if name != "" {
			if got, want := joinURL(base, name), urljoin(base, name); got != want {
				t.Errorf("%q on %q is %q, expected %q", name, base, got, want)
			}
		}
		if got, want := folderOf(base, name), before(base, name); got != want {
			t.Errorf("folder of %q in %q is %q, expected %q", name, base, got, want)
		}
		escaped := strings.TrimLeft(string(appendEscaped(nil, strings.ReplaceAll(name, `\`, "/"), &fileSafe)), "/")
		if got := fileURL(name); got != escaped {
			t.Errorf("%q is escaped as %q, expected %q", name, got, escaped)
		}
	})
}

// Building text is what locating a file costs a guest most.
func TestLocatingAFileBuildsNoMoreThanItAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		query PathQuery
		most  float64
	}{
		{"the bases", PathQuery{Schema: "t1", Location: "/srv/media", BaseURL: "/media/"}, 2},
		{"a file", PathQuery{Schema: "t1", Location: "/srv/media", BaseURL: "/media/", Name: "a/b.txt", HasName: true}, 4},
		{"a file that is escaped", PathQuery{Schema: "t1", Folder: "x", Location: "/srv/media", BaseURL: "/media/", Name: "a b.txt", HasName: true}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() { _ = Locate(&c.query, false) }); n > c.most {
				t.Errorf("%v allocations, expected %v", n, c.most)
			}
		})
	}
}
