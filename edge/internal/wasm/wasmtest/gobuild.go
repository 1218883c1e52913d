package wasmtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs holds the Go programs, which each process builds once; Go's cache keeps
// them for the next process.
var programs sync.Map // folder → func() ([]byte, error)

// Guest builds a guest with the installed Go. folder is relative to the root of
// the module, with slashes.
func Guest(tb testing.TB, folder string) []byte {
	tb.Helper()
	once, _ := programs.LoadOrStore(folder, sync.OnceValues(func() ([]byte, error) { return build(folder) }))
	b, err := once.(func() ([]byte, error))()
	if err != nil {
		tb.Fatalf("building %s: %v", folder, err)
	}
	return b
}

func build(folder string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wasmtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	module, err := root()
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join(module, filepath.FromSlash(folder))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	return os.ReadFile(out)
}

// root returns the folder of this module, which is the working directory of a test
// or a parent of it. Paths of source files do not help: `go test -trimpath`
// removes them.
func root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "edge", "internal", "wasm", "wasmtest", "gobuild.go")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("wasmtest: expected to run in the folder of the module or below it, found %s", start)
		}
	}
}

// GoGuest builds testdata/goguest, whose exports take an i32 and return an i64.
// Call _initialize first.
func GoGuest(tb testing.TB) []byte {
	tb.Helper()
	return Guest(tb, "edge/internal/wasm/wasmtest/testdata/goguest")
}

// Minimal builds guest/examples/minimal.
func Minimal(tb testing.TB) []byte {
	tb.Helper()
	return Guest(tb, "guest/examples/minimal")
}

// Sleeper builds testdata/sleeper, a guest that sleeps during its setup, and during
// a request for the time in the host name.
func Sleeper(tb testing.TB) []byte {
	tb.Helper()
	return Guest(tb, "edge/internal/wasm/wasmtest/testdata/sleeper")
}

// Unruly builds testdata/unruly, a guest that misbehaves for certain host names.
// Each generation (at most eight digits) is another guest: it routes t<n>.… to the
// tenant t<(n+generation)%5>, with the URLConf "g<generation>".
func Unruly(tb testing.TB, generation int) []byte {
	tb.Helper()
	const mark = "generation-00000000"
	b := Guest(tb, "edge/internal/wasm/wasmtest/testdata/unruly")
	if bytes.Count(b, []byte(mark)) != 1 {
		tb.Fatalf("the guest has %q %d times: expected it once", mark, bytes.Count(b, []byte(mark)))
	}
	return bytes.Replace(b, []byte(mark), fmt.Appendf(nil, "generation-%08d", generation), 1)
}
