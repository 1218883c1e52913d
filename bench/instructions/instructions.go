// Package instructions counts the instructions of a routed request on processors
// that this machine does not have. A plugin for qemu's user-mode emulation counts
// them exactly, whatever the load of the machine.
//
//	c, version, err := instructions.Prepare(ctx, work)
//	n, err := c.PerRequest(ctx, "arm64", rivals.Edge, 1000)
package instructions

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Emulators are qemu's programs by GOARCH.
var Emulators = map[string][]string{
	// The default processor lacks instructions without which wazero interprets.
	"amd64": {"qemu-x86_64", "-cpu", "max"},
	"arm64": {"qemu-aarch64"},
}

//go:embed plugin/counter.c
var plugin []byte

// Counter counts with programs in a work folder.
type Counter struct{ work string }

// Prepare builds the plugin and returns the version of qemu, or an error if there
// is no qemu, or no compiler for C.
func Prepare(ctx context.Context, work string) (*Counter, string, error) {
	for _, e := range Emulators {
		if _, err := exec.LookPath(e[0]); err != nil {
			return nil, "", errors.New("qemu's user-mode emulation (qemu-user) is not installed")
		}
	}
	version, err := exec.CommandContext(ctx, Emulators["arm64"][0], "--version").Output()
	if err != nil {
		return nil, "", err
	}
	c := &Counter{work}
	source := filepath.Join(work, "counter.c")
	if err := os.WriteFile(source, plugin, 0o600); err != nil {
		return nil, "", err
	}
	if text, err := exec.CommandContext(ctx, "cc", "-O2", "-shared", "-fPIC", "-o", c.plugin(), source).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("building the plugin for qemu needs a C compiler: %w: %.300s", err, text)
	}
	line, _, _ := strings.Cut(string(version), "\n")
	return c, strings.TrimPrefix(line, "qemu-aarch64 version "), nil
}

func (c *Counter) plugin() string             { return filepath.Join(c.work, "counter.so") }
func (c *Counter) program(arch string) string { return filepath.Join(c.work, "bench-"+arch) }

// Build builds the benchmark for an architecture.
func (c *Counter) Build(ctx context.Context, arch string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", c.program(arch), "github.com/tenantedge/tenantedge/bench")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("instructions: building for %s: %w: %.300s", arch, err, text)
	}
	return nil
}

// PerRequest returns the number of instructions that a rival executes for a
// request: the difference between n and 2n requests, divided by n.
func (c *Counter) PerRequest(ctx context.Context, arch, rival string, n int) (float64, error) {
	e := Emulators[arch]
	args := append(e[1:len(e):len(e)], "-plugin", c.plugin(), c.program(arch), RunCommand, rival, fmt.Sprint(n), filepath.Join(c.work, "cache"))
	run := exec.CommandContext(ctx, e[0], args...)
	run.Stderr = os.Stderr
	// A signal that preempts a goroutine would be counted.
	run.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	out, err := run.Output()
	if err != nil {
		return 0, fmt.Errorf("instructions: %s for %s: %w", rival, arch, err)
	}
	return perRequest(string(out), n)
}

// perRequest reads the counts that the plugin printed between the program's lines.
func perRequest(out string, n int) (float64, error) {
	var counts []int
	for line := range strings.Lines(out) {
		var count int
		if _, err := fmt.Sscanf(line, "%d instructions", &count); err == nil {
			counts = append(counts, count)
		}
	}
	if len(counts) != 3 {
		return 0, fmt.Errorf("instructions: expected three counts from the plugin, found %q", out)
	}
	return float64(counts[2]-2*counts[1]+counts[0]) / float64(n), nil
}
