package cases

import (
	"path/filepath"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// Each guest of guest/examples with a file of cases passes it, within the fuel that
// the cases allow.
func TestTheExamplesPassTheirCases(t *testing.T) {
	t.Parallel()
	const folder = "guest/examples"
	files, err := filepath.Glob(filepath.Join("../../..", folder, "*", "cases.yaml"))
	if err != nil || len(files) < 9 {
		t.Fatalf("found cases of %d examples, error %v: expected those of the catalogue in guest/README.md", len(files), err)
	}
	for _, path := range files {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			expectPass(t, run(t, wasmtest.Guest(t, folder+"/"+name), f))
		})
	}
}
