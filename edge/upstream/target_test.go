package upstream

import (
	"net/url"
	"strings"
	"testing"
)

func TestATargetIsTheClientsByteForByte_A5(t *testing.T) {
	for _, c := range []struct {
		base, target string
		inner        bool
		path, want   string
	}{
		{"http://app", "/a%2Fb|c", false, "", "/a%2Fb|c"},
		{"http://app", "/a%2Fb\"<>|^{}\\`\xc3\xa9", false, "", "/a%2Fb\"<>|^{}\\`\xc3\xa9"},
		{"http://app", "/a%2fb%41//c/../d;x=1?", false, "", "/a%2fb%41//c/../d;x=1?"},
		{"http://app", "/a?b;c=%zz|&d", false, "", "/a?b;c=%zz|&d"},
		{"http://app", "//a%2Fb", false, "", "//a%2Fb"},
		{"http://app", "//a%2Fb|c", false, "", "//a%2Fb%7Cc"},
		{"http://app", "/", false, "", "/"},
		{"http://app", "*", false, "", "*"},
		{"http://app", "http://acme.test/x%2Fy?z", false, "", "/x%2Fy?z"},
		{"http://app", "http://acme.test", false, "", "/"},
		{"http://app/base/", "/a%2Fb|c", false, "", "/base/a%2Fb|c"},
		{"http://app/b%2Fc", "/a", false, "", "/b%2Fc/a"},
		{"http://app", "/gamma/a%2Fb|c?q", true, "/a/b|c", "/a%2Fb|c?q"},
		{"http://app", "/gamma//a%2Fb", true, "//a/b", "//a%2Fb"},
		{"http://app", "/gamma//a%2Fb", true, "/a/b", "/a%2Fb"}, // routing decides what remains
		{"http://app", "/gamma/a%2Fb", true, "/other", "/other"},
		{"http://app", "/gamma", true, "/", "/"},
		{"http://app", "/gamma/", true, "/", "/"},
		{"http://app", "/gamma/é%", true, "/é%", "/%C3%A9%25"},
	} {
		base, err := url.Parse(c.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := targetURL(base, c.target, c.inner, c.path).RequestURI(); got != c.want {
			t.Errorf("%s at %s: sent as %q, expected %q", c.target, c.base, got, c.want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/a%2Fb|c", "//x", "/?", "/gamma//é", "*"} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "http", Host: "app"}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") {
			return
		}
		got := targetURL(base, target, false, "").RequestURI()
		if want := target; got != want && !strings.HasPrefix(target, "//") {
			t.Errorf("%q is sent as %q", target, got)
		}
		if !strings.HasPrefix(got, "/") {
			t.Errorf("%q is sent as %q, which is not a path", target, got)
		}
	})
}
