package edge_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each rule of SECURITY.md names at least one test that enforces it, and each test
// that it names exists.
func TestTheSecurityPageNamesItsTests(t *testing.T) {
	page, err := os.ReadFile("../.github/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := testNames(t)
	row := regexp.MustCompile(`(?m)^\| ([A-Z][0-9]+) \|(.*)$`)
	name := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	rules := row.FindAllStringSubmatch(string(page), -1)
	if len(rules) < 30 {
		t.Errorf("the page has %d rules, expected at least 30", len(rules))
	}
	for _, rule := range rules {
		tests := name.FindAllStringSubmatch(rule[2], -1)
		if len(tests) == 0 {
			t.Errorf("rule %s: expected the names of tests, found none", rule[1])
		}
		for _, test := range tests {
			if !defined[test[1]] {
				t.Errorf("rule %s: expected the test %s to exist, found none of that name", rule[1], test[1])
			}
		}
	}
}

// testNames returns the names of all tests and fuzz targets of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := map[string]bool{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
