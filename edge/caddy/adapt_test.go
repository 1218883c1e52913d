package tenantedge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

var update = flag.Bool("update", false, "rewrite the golden files of the Caddyfile")

// The files of testdata/adapt have a Caddyfile, a line of hyphens, and the JSON or
// the error that `caddy adapt` prints.
func TestCaddyfilesAreAdapted(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("expected golden files, found %d: %v", len(files), err)
	}
	const separator = "\n----------\n"
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(content), separator)
			got := adapt(input + "\n")
			if *update {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%s\nexpected\n%s", got, want)
			}
		})
	}
}

func adapt(caddyfile string) string {
	result, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var out bytes.Buffer
	for _, w := range warnings {
		out.WriteString("warning: " + w.String() + "\n")
	}
	_ = json.Indent(&out, result, "", "\t") // Adapt returns JSON
	return out.String() + "\n"
}
