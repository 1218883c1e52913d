package measure

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// writeMachine describes the machine, using the keys that benchstat knows where
// it has one.
func writeMachine(w io.Writer) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\ncpu: %s\ncores: %d\ngo: %s\n", runtime.GOOS, runtime.GOARCH, cpuModel(), runtime.NumCPU(), runtime.Version())
	versions := moduleVersions()
	written := map[string]bool{"": true}
	for _, e := range rivals.All() {
		if !written[e.Module] {
			written[e.Module] = true
			fmt.Fprintf(w, "version-%s: %s\n", shortModule(e.Module), versions[e.Module])
		}
	}
}

// shortModule returns the repository name in a module path.
func shortModule(path string) string { return strings.Split(path, "/")[2] }

func moduleVersions() map[string]string {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			versions[d.Path] = d.Version
		}
	}
	return versions
}

// cpuModel returns the processor's model name on Linux, and GOARCH elsewhere.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return runtime.GOARCH
}

// loadAverage returns the load average of the last minute. The report shows it,
// because other work on the machine makes times longer.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}
