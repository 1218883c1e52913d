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

// Example builds an example in a language. It skips the test if the toolchain is not
// installed.
func Example(t testing.TB, name, language string) []byte {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	built, err := builtExamples()
	if err != nil {
		t.Fatalf("building guest/examples: %v\n%s", err, built.output)
	}
	for line := range strings.Lines(built.output) {
		if strings.HasPrefix(line, language+": ") {
			t.Skip(strings.TrimSpace(line))
		}
	}
	b, err := os.ReadFile(filepath.Join(built.folder, name+"-"+language+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
