// Package wasmtest has guests for tests: a large one from Go, a small one from
// C, and the WebAssembly project's own test suite.
package wasmtest

import (
	_ "embed"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Kernels is testdata/kernels.c, compiled by clang 14: exports that take an
// i32 and return an i64.
//
//go:embed testdata/kernels.wasm
var Kernels []byte

// suite returns the directory of a part of the WebAssembly test suite in wazero's
// module: "v2", "threads", "tail-call" and others. Each .json file is a script for
// .wasm files.
func suite(tb testing.TB, part string) string {
	tb.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		tb.Fatalf("looking for wazero's source: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest", part, "testdata")
}
