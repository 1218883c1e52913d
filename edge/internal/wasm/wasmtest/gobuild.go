package wasmtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// program is a Go program that is built once, for all tests of a process; Go's
// own cache keeps it for the next.
type program struct {
	folder string
	build  func() ([]byte, error)
}

func newProgram(folder string) *program {
	return &program{folder, sync.OnceValues(func() ([]byte, error) { return build(folder) })}
}

func (p *program) wasm(tb testing.TB) []byte {
	tb.Helper()
	b, err := p.build()
	if err != nil {
		tb.Fatalf("building %s: %v", p.folder, err)
	}
	return b
}

func build(folder string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wasmtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), filepath.FromSlash(folder))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	return os.ReadFile(out)
}

var (
	goGuest = newProgram("testdata/goguest")
	unruly  = newProgram("testdata/unruly")
	minimal = newProgram("../../../../guest/examples/minimal")
)

// GoGuest builds testdata/goguest with the Go at hand: exports that take an
// i32 and return an i64, to be called after _initialize.
func GoGuest(tb testing.TB) []byte {
	tb.Helper()
	return goGuest.wasm(tb)
}

// Minimal builds guest/examples/minimal.
func Minimal(tb testing.TB) []byte {
	tb.Helper()
	return minimal.wasm(tb)
}

// Unruly builds testdata/unruly, a guest that misbehaves for hosts that ask for
// it. Each generation (of eight digits at most) is another guest: it routes
// t<n>.… to the tenant t<(n+generation)%5>, and says "g<generation>" as its URLConf.
func Unruly(tb testing.TB, generation int) []byte {
	tb.Helper()
	const mark = "generation-00000000"
	b := unruly.wasm(tb)
	if bytes.Count(b, []byte(mark)) != 1 {
		tb.Fatalf("the guest has %q %d times: expected it once", mark, bytes.Count(b, []byte(mark)))
	}
	return bytes.Replace(b, []byte(mark), fmt.Appendf(nil, "generation-%08d", generation), 1)
}

// Subdomain builds guest/examples/c with clang; false where there is none that
// builds for WebAssembly.
func Subdomain(tb testing.TB) ([]byte, bool) {
	tb.Helper()
	for _, tool := range []string{"clang", "wasm-ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Logf("the C example is left out: %v", err)
			return nil, false
		}
	}
	out := filepath.Join(tb.TempDir(), "subdomain.wasm")
	_, here, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "guest", "examples", "c", "subdomain.c")
	cmd := exec.Command("clang", "--target=wasm32", "-O2", "-nostdlib", "-fno-builtin", "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry", "-o", out, source)
	if output, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", cmd, err, output)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return b, true
}
