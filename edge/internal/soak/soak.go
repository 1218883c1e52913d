// Package soak is what long tests share: how often they do a thing, where
// their figures go, and what the process holds.
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

// Times is how often a test does a thing: few times, or as often as the
// variable of the environment says, as `make soak` does. With the race detector
// it is fewer times.
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

// Figures writes what was measured to the folder that TENANTEDGE_FIGURES names,
// as JSON, for plots. Without the variable it does nothing.
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

// Footprint is what the process holds.
type Footprint struct {
	Resident     uint64 // bytes of memory
	Proportional uint64 // the same, a page that is mapped n times being counted once
	Files        int    // that are open
}

// Measure has Go give back what it does not need, and looks. false: this
// system does not tell.
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
