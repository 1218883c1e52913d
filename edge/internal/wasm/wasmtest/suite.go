package wasmtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Script is a file of the test suite.
type Script struct {
	Name     string
	Dir      string
	Commands []Command
}

// Command is a step of a script.
type Command struct {
	Type       string // "module", "assert_return", "assert_trap", "assert_malformed" …
	Line       int
	Filename   string // of its module
	ModuleType string `json:"module_type"`
	Text       string // the expected error
	Action     struct {
		Type  string // "invoke"
		Field string
		Args  []Value
	}
}

// Value is an argument. Its bits are written as a decimal number.
type Value struct {
	Type     string
	LaneType string `json:"lane_type"`
	Value    json.RawMessage
}

// Scripts reads all scripts of a part of the test suite: "v2", "threads",
// "tail-call" and others.
func Scripts(tb testing.TB, part string) []Script {
	tb.Helper()
	dir := suite(tb, part)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no scripts in %s: %v", dir, err)
	}
	scripts := make([]Script, 0, len(files))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		s := Script{Name: strings.TrimSuffix(filepath.Base(file), ".json"), Dir: dir}
		if err := json.Unmarshal(b, &s); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		scripts = append(scripts, s)
	}
	return scripts
}

// Module reads the module of a command.
func (s *Script) Module(tb testing.TB, c *Command) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, c.Filename))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Bits returns the value in the form of wazero's API: one number, or two for a
// vector. A null reference is 0.
func (v *Value) Bits() []uint64 {
	if v.Type == "v128" {
		return v.lanes()
	}
	var text string
	if json.Unmarshal(v.Value, &text) != nil || text == "null" {
		return []uint64{0}
	}
	return []uint64{number(text)}
}

func (v *Value) lanes() []uint64 {
	var lanes []string
	if json.Unmarshal(v.Value, &lanes) != nil || len(lanes) == 0 {
		return []uint64{0, 0}
	}
	bits := make([]uint64, 2)
	width := 128 / len(lanes)
	for i, lane := range lanes {
		at := i * width
		bits[at/64] |= number(lane) & (1<<(width-1)<<1 - 1) << (at % 64)
	}
	return bits
}

func number(text string) uint64 {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return uint64(n)
}
