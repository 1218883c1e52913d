package tenancy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestFilesUnderTheHardenedRules(t *testing.T) {
	for _, c := range []struct {
		name, file, folder, path, url string
		err                           error
	}{
		{"a plain name", "a b.txt", "", "/srv/media/t1/a b.txt", "/media/t1/a%20b.txt", nil},
		{"routed by folder, the URL begins with the folder", "path/to/file.txt", "tenant1", "/srv/media/t1/path/to/file.txt", "/tenant1/media/path/to/file.txt", nil},
		{"a dot segment inside the tenant's files", "a/../b", "", "/srv/media/t1/b", "/media/t1/b", nil},
		{"a name that leaves", "../t2/x", "", "", "", tenancy.ErrOutsideRoot},
		{"a name that leaves to a tenant with the same prefix", "../t11/x", "", "", "", tenancy.ErrOutsideRoot},
		{"a name that leaves by backslash, in the URL", `..\t2\x`, "", "", "", tenancy.ErrOutsideRoot},
		{"an absolute name", "/etc/passwd", "", "", "", tenancy.ErrOutsideRoot},
		{"an absolute name below the root", "/srv/media/t1/x", "", "/srv/media/t1/x", "/media/t1/srv/media/t1/x", nil},
		{"a name with a NUL", "a\x00b", "", "", "", tenancy.ErrName},
		{"percent-encoding is not decoded", "%2e%2e/x", "", "/srv/media/t1/%2e%2e/x", "/media/t1/%252e%252e/x", nil},
		{"an empty name is the folder", "", "", "/srv/media/t1", "/media/t1/", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := tenancy.Locate(&tenancy.PathQuery{
				Schema: "t1", Folder: c.folder, Location: "/srv/media", BaseURL: "/media/", Name: c.file, HasName: true,
			}, false)
			if p.Path != c.path || p.URL != c.url || !errors.Is(p.Err, c.err) {
				t.Errorf("path %q, URL %q, error %v, want %q, %q, %v", p.Path, p.URL, p.Err, c.path, c.url, c.err)
			}
		})
	}
}

func TestAnInvalidBaseURLOrIdentifierIsAnError(t *testing.T) {
	for _, base := range []string{"", "/", "///", "http://cdn.example.com/media/"} {
		p := tenancy.Locate(&tenancy.PathQuery{Schema: "t1", Location: "/srv", BaseURL: base}, false)
		if !errors.Is(p.Err, tenancy.ErrBaseURL) || p.BaseURL != "" || p.BaseLocation != "/srv/t1/" {
			t.Errorf("base URL %q: %+v, want ErrBaseURL and the base location", base, p)
		}
	}
	for _, own := range []string{"", ".", "..", "a/b", `a\b`, "a\x00"} {
		p := tenancy.Locate(&tenancy.PathQuery{Schema: "t1", SchemaPathname: own, HasSchemaPathname: true, Location: "/srv", BaseURL: "/m/"}, false)
		if !errors.Is(p.Err, tenancy.ErrIdentifier) || p.BaseLocation != "" {
			t.Errorf("identifier %q: %+v, want ErrIdentifier and no base location", own, p)
		}
	}
}

func TestARelativeLocationStaysRelative(t *testing.T) {
	p := tenancy.Locate(&tenancy.PathQuery{Schema: "t1", Location: "media", BaseURL: "/m/", Name: "../t1/x", HasName: true}, false)
	if p.Path != "media/t1/x" || p.Err != nil {
		t.Errorf("path %q, error %v, want media/t1/x", p.Path, p.Err)
	}
	p = tenancy.Locate(&tenancy.PathQuery{Schema: "t1", Location: "media", BaseURL: "/m/", Name: "../../../x", HasName: true}, false)
	if p.Err == nil {
		t.Errorf("path %q, want an error", p.Path)
	}
}

func FuzzStorageNames(f *testing.F) {
	for _, name := range []string{"a b.txt", "../t2/x", `..\..\x`, "/srv/media/t1/x", "//x", "a\x00", "%2e%2e/", "./.././t1/x", strings.Repeat("../", 99)} {
		f.Add(name, "/srv/media", "/media/", "", false)
	}
	f.Add("x", "media", "/a?b/", "folder", true)
	f.Fuzz(func(t *testing.T, name, location, base, folder string, strictly bool) {
		q := tenancy.PathQuery{Schema: "t1", Folder: folder, Location: location, BaseURL: base, Name: name, HasName: true}
		p := tenancy.Locate(&q, strictly)
		if strictly {
			return
		}
		if p.HasPath != p.HasURL {
			if !errors.Is(p.Err, tenancy.ErrBaseURL) {
				t.Fatalf("%q: path found %v, URL found %v, error %v, want both or ErrBaseURL", name, p.HasPath, p.HasURL, p.Err)
			}
			return
		}
		if !p.HasPath {
			if p.Err == nil {
				t.Fatalf("%q: neither path nor error", name)
			}
			return
		}
		if !strings.HasPrefix(p.URL, p.BaseURL) {
			t.Fatalf("%q: URL %q is not below %q", name, p.URL, p.BaseURL)
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(p.URL, p.BaseURL), "/") {
			if part == ".." {
				t.Fatalf("%q: URL %q has a dot segment", name, p.URL)
			}
		}
		if strings.HasPrefix(location, "/") && !strings.HasSuffix(p.Path, "/t1") && !strings.Contains(p.Path, "/t1/") {
			t.Fatalf("%q: path %q is not in the tenant's folder", name, p.Path)
		}
	})
}
