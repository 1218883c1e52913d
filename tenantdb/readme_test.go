package tenantdb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each Go snippet of README.md is part of a compiled example.
func TestTheSnippetsOfTheReadmeCompile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, folder := range []string{".", "file", "postgres"} {
		code, err := os.ReadFile(filepath.Join(folder, "example_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		examples.WriteString(unindented(string(code)))
	}
	snippets := strings.Split(string(readme), "```go\n")[1:]
	if len(snippets) < 5 {
		t.Fatalf("README.md has %d Go snippets, expected at least 5", len(snippets))
	}
	for _, snippet := range snippets {
		snippet, _, _ = strings.Cut(snippet, "```")
		if !strings.Contains(examples.String(), unindented(snippet)) {
			t.Errorf("expected this snippet of README.md in an example_test.go, found it in none:\n%s", snippet)
		}
	}
}

// unindented returns text without the white space at the ends of its lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
