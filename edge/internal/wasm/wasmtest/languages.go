package wasmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Languages are the languages in which the guests minimal and chatroom of
// guest/examples exist, besides Go.
var Languages = []string{"rust", "assemblyscript", "c"}

var builtExamples = sync.OnceValues(buildExamples)

type examples struct {
	folder string
	output string // of the script
}

// buildExamples runs guest/examples/build.sh. Its folder persists, so that compilers can
// reuse what they built.
func buildExamples() (examples, error) {
	module, err := root()
	if err != nil {
		return examples{}, err
	}
	folder, err := CompileCache("guest/examples")
	if err != nil {
		return examples{}, err
	}
	script := filepath.Join(module, "guest", "examples", "build.sh")
	output, err := exec.Command("sh", append([]string{script, folder}, Languages...)...).CombinedOutput()
	return examples{folder, string(output)}, err
}

// NotInstalled skips a test because of a toolchain that is not installed. Where
// TENANTEDGE_GUESTS is "all", as on GitHub after make has installed them, it fails the
// test, as TENANTEDGE_SERVERS does for application servers.
func NotInstalled(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("TENANTEDGE_GUESTS") == "all" {
		t.Fatal(reason)
	}
	t.Skip(reason + "; `make guests` installs it")
}

// Example builds an example in a language. It calls NotInstalled if the toolchain is
// missing.
func Example(t testing.TB, name, language string) []byte {
	t.Helper()
	built, err := builtExamples()
	if err != nil {
		t.Fatalf("building guest/examples: %v\n%s", err, built.output)
	}
	for line := range strings.Lines(built.output) {
		if strings.HasPrefix(line, language+": ") {
			NotInstalled(t, strings.TrimSpace(line))
		}
	}
	b, err := os.ReadFile(filepath.Join(built.folder, name+"-"+language+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
