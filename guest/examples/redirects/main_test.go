//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestEachLineOfTheTableIsFound(t *testing.T) {
	if err := check(legacy); err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(legacy) {
		old, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		schema, path, _ := strings.Cut(old, "/")
		if got, ok := find(legacy, schema, "/"+path); got != want || !ok {
			t.Fatalf("%s: new path %q, %v, want %q", old, got, ok, want)
		}
		for _, other := range []string{"/" + path + "x", ("/" + path)[:len(path)], path, ""} {
			if got, ok := find(legacy, schema, other); ok {
				t.Fatalf("%q of %s: new path %q, want none", other, schema, got)
			}
		}
		if _, ok := find(legacy, schema+"x", "/"+path); ok {
			t.Fatalf("%s is found for another schema", old)
		}
		n++
	}
	if n != 10000 {
		t.Errorf("the table has %d lines, want 10000", n)
	}
	for _, table := range []string{"", "a/\t/b\n"} {
		if _, ok := find(table, "b", "/"); ok {
			t.Errorf("%q: a path is found that the table does not have", table)
		}
	}
}

func TestAWrongTableIsRejectedWithTheLine(t *testing.T) {
	for table, want := range map[string]string{
		"": "", "a/x\t/y\na/z\t/y?q=1\n": "", "a/z\t/y\na/x\t/y\n": "line 2: expected each path once", "a/x\t/y\na/x\t/z\n": "line 2: expected each path once",
		"a/x\t/y": "line feed", "/x\t/y\n": "a schema", "a\t/y\n": "a schema", "a/x\n": "new path", "a/x\t\n": "new path", "a/x\t//evil\n": "new path",
		"a/x\t/\\evil\n": "new path", "a/x\thttps://evil\n": "new path", "a/x\t/ä\n": "new path", "a/x\t/y\r\n": "new path", "a/x\t/y\t\n": "new path",
	} {
		if err := check(table); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", table, err, want)
		}
	}
}

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{`{"status":301}`: "", `{"status":302}`: "", `{"status":200}`: "301 or 302", `{"x":1}`: "found x"} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
