// Package soak is shared by long tests: repetitions, recorded figures and the
// footprint of the process.
package soak

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// Times returns the repetitions of a test: the value of the environment variable,
// which `make soak` sets, or few by default; fewer with the race detector.
func Times(tb testing.TB, variable string, few int) int {
	tb.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return max(1, few/slow)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("%s is %q: expected a positive number", variable, text)
	}
	return n
}

// Figures writes figures as JSON, for plots, to the folder in the environment
// variable TENANTEDGE_FIGURES. Without the variable it does nothing.
func Figures(tb testing.TB, name string, figures any) {
	tb.Helper()
	folder := os.Getenv("TENANTEDGE_FIGURES")
	if folder == "" {
		return
	}
	raw, err := json.MarshalIndent(figures, "", "\t")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), append(raw, '\n'), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// Footprint is the memory and the open files of the process.
type Footprint struct {
	Resident     uint64 // bytes
	Proportional uint64 // bytes; a page that is mapped n times, here or in other processes, counts 1/n for each mapping
	Files        int    // open descriptors
}

// Measure returns unused memory to the system and measures. It reports false if the
// system has no figures.
func Measure() (f Footprint, known bool) {
	for range 3 {
		runtime.GC()
		debug.FreeOSMemory()
	}
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return f, false
	}
	f.Resident, f.Proportional = kilobytes(string(rollup), "\nRss:"), kilobytes(string(rollup), "\nPss:")
	names, err := os.ReadDir("/proc/self/fd")
	f.Files = len(names)
	return f, err == nil
}

func kilobytes(text, key string) uint64 {
	_, rest, _ := strings.Cut(text, key)
	value, _, _ := strings.Cut(rest, "kB")
	n, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
	return n << 10
}
