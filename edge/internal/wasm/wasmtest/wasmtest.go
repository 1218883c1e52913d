// Package wasmtest has guests for tests: a large one from Go, a small one from
// C, and the WebAssembly project's own test suite.
package wasmtest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Kernels is testdata/kernels.c, compiled by clang 14: exports that take an
// i32 and return an i64.
//
//go:embed testdata/kernels.wasm
var Kernels []byte

var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "wasmtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "goguest.wasm")
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), "testdata", "goguest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
})

// GoGuest builds testdata/goguest with the Go at hand: exports that take an
// i32 and return an i64, to be called after _initialize.
func GoGuest(tb testing.TB) []byte {
	tb.Helper()
	b, err := goGuest()
	if err != nil {
		tb.Fatalf("building the Go guest: %v", err)
	}
	return b
}

// suite returns a directory with a part of the WebAssembly test suite, as
// wazero's module brings it along: "v2", "threads", "tail-call" and others,
// .wasm files beside .json files that say what to do with them.
func suite(tb testing.TB, part string) string {
	tb.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		tb.Fatalf("looking for wazero's source: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest", part, "testdata")
}
