// Package inspect describes a guest for its author: what the file is, what it
// exports and imports, what the host adds to it, and what to change.
//
//	r := inspect.Module(wasm)
//
// Modules are untrusted. Of a broken module, the report has what precedes the error.
// No code of the guest runs.
package inspect

import (
	"strings"
	"unicode"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Report describes a guest. Sizes are in bytes.
type Report struct {
	File      string     `json:"file"`
	Bytes     int        `json:"bytes"`
	Digest    string     `json:"digest"`              // SHA-256
	Signature string     `json:"signature,omitempty"` // by which trusted key, or why it is not valid; the caller sets it
	Toolchain *Toolchain `json:"toolchain"`           // nil: the file is no module, or too large

	Exports []Export  `json:"exports"`
	Missing []Missing `json:"missing"` // functions of the contract that it does not export
	Imports []Import  `json:"imports"`
	Memory  *Memory   `json:"memory"` // nil: it defines none

	Sections  []Section  `json:"sections"`
	Functions []Function `json:"largest_functions"`
	Omitted   int        `json:"omitted"` // exports and imports beyond the maximum of each list

	Meter *Meter `json:"meter"` // nil: it cannot be metered
	Setup *Setup `json:"setup"` // nil: it was refused

	Hints   []string `json:"hints"`
	Refusal string   `json:"refusal"` // why the host refuses it; empty: it does not
}

// Memory are the limits of the guest's memory, in pages of 64 KiB.
type Memory struct {
	Min      uint32  `json:"min"`
	Max      *uint32 `json:"max"` // nil: the host's limit applies
	Exported bool    `json:"exported"`
}

// Meter is what the host adds to the guest to count and bound its work.
type Meter struct {
	CodeBefore         int `json:"code_before"`
	CodeAfter          int `json:"code_after"`
	InstructionsBefore int `json:"instructions_before"`
	InstructionsAfter  int `json:"instructions_after"`
	// Charges, Checks and Marks count the places where the guest counts fuel, compares
	// it with the limit, and marks the memory that it writes.
	Charges int `json:"charges"`
	Checks  int `json:"checks"`
	Marks   int `json:"marks"`
}

// Setup is the result of loading the guest.
type Setup struct {
	ABI     int             `json:"abi_version"`
	Name    string          `json:"name"` // as the guest gives itself
	Version string          `json:"version"`
	Fuel    stats.SetupFuel `json:"fuel"`
	// ImageBytes is the size of the memory from which every request starts.
	ImageBytes int `json:"image_bytes"`
}

// Bounds of a report.
const (
	maxListed  = 500 // exports; also imports
	maxLargest = 10  // functions
	maxName    = 200 // bytes of a name
)

// Module describes a module. Refusal is why it cannot be decoded or metered; the
// caller replaces it by that of loading the guest, and sets File and Setup.
func Module(b []byte) *Report {
	r := &Report{
		Bytes: len(b), Digest: instance.Digest(b), Exports: []Export{}, Missing: []Missing{}, Imports: []Import{},
		Sections: []Section{}, Functions: []Function{}, Hints: []string{},
	}
	if err := instance.CheckSize(b); err != nil {
		r.Refusal = err.Error()
		return r
	}
	m, err := wasm.DecodePart(b)
	if err != nil {
		r.Refusal = err.Error()
	}
	if found, _ := wasm.NotModule(b); found != "" {
		return r
	}
	in := &inspector{Report: r, m: m}
	in.readNames()
	in.sections()
	in.memory()
	in.exports()
	in.imports()
	in.largest()
	in.toolchain()
	if err == nil {
		in.meter(b)
	}
	in.hints()
	return r
}

// inspector holds what the parts of a report share. All indices of the module may be
// out of range.
type inspector struct {
	*Report
	m         *wasm.Module
	names     map[uint32]string // of functions; nil: the module has none
	functions []uint32          // types of the imported functions
	debug     []string          // custom sections for debuggers
	debugSize int
}

// meter compares the code of the metered guest with that of the guest.
func (in *inspector) meter(b []byte) {
	metered, err := instance.Meter(b, instance.Limits{})
	if err != nil {
		in.Refusal = err.Error()
		return
	}
	after, err := wasm.Decode(metered.Wasm)
	if err != nil {
		in.Refusal = err.Error()
		return
	}
	in.Meter = &Meter{Charges: metered.Charges, Checks: metered.Checks, Marks: metered.Touches}
	in.Meter.CodeBefore, in.Meter.InstructionsBefore = code(in.m)
	in.Meter.CodeAfter, in.Meter.InstructionsAfter = code(after)
}

// code returns the size of all functions, and how many instructions they have.
func code(m *wasm.Module) (bytes, instructions int) {
	for _, body := range m.Code.All() {
		bytes += len(body.Bytes)
		for in, it := (wasm.Instruction{}), body.Instructions(); it.Next(&in); {
			instructions++
		}
	}
	return bytes, instructions
}

// clean returns a name for a terminal: bounded, and without unprintable characters.
func clean(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), maxName)], ".")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, name)
}
