// Package hostfuncs is what a guest may call: one file a group of host
// functions (tenants, query, files, log, clock), the WASI functions that toolchains
// link in, and the two things that all of them share, bounds-checked memory
// (mem.go) and the adapter that turns Go into errno (errno.go).
//
// A runtime gets them once, and each instance brings a Call that says what the
// functions answer:
//
//	err := hostfuncs.Instantiate(ctx, runtime, compiled)
//	call := &hostfuncs.Call{Services: services}
//	call.Begin(ctx)
//	err = route.CallWithStack(call, stack)
//	call.End()
//
// The signatures, and what an answer holds, stand in guest/abi.
package hostfuncs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Services is what stands behind the host functions of one instance. Strings
// and byte slices that it is given lie in the guest's memory: they hold until
// the method returns.
type Services interface {
	// ByDomain, ByReference and Primary write a record (abi.RecID …) to out and
	// return its size; one that does not fit is not written. They do no I/O.
	ByDomain(domain, folder string, out []byte) (size int, found bool)
	ByReference(ref string, out []byte) (size int, found bool)
	Primary(id string, out []byte) (size int, found bool)
	// Query answers as edge.Querier does.
	Query(ctx context.Context, schema, name string, args []byte) ([]byte, error)
	// Files opens the files of the tenant that the call is for now, or returns
	// last if it is that. No tenant: abi.Denied. The Call closes them.
	Files(ctx context.Context, last Files) (Files, error)
	// FileLimits hold one call.
	FileLimits() FileLimits
	// Log takes what a guest logged and printed in one call, in one line without
	// control characters, or what a host function failed at.
	Log(ctx context.Context, level slog.Level, text string)
}

// function is one host function, before the adapter makes it safe.
type function struct {
	name    string
	params  []api.ValueType
	results []api.ValueType
	call    func(c *Call, m memory, stack []uint64)
	cost    uint64 // units of fuel, beside those by length
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

func types(t ...api.ValueType) []api.ValueType { return t }

// functions lists the whole import module.
var functions = []function{
	{abi.ImportTenantByDomain, types(i32, i32, i32, i32, i32, i32), types(i64), tenantByDomain, costLookup},
	{abi.ImportTenantByReference, types(i32, i32, i32, i32), types(i64), tenantByReference, costLookup},
	{abi.ImportPrimaryDomain, types(i32, i32, i32, i32), types(i64), primaryDomain, costLookup},
	{abi.ImportQuery, types(i32, i32, i32, i32, i32, i32, i32, i32), types(i64), query, costWait},
	{abi.ImportLog, types(i32, i32, i32), nil, logLine, costRecord},
	{abi.ImportClock, nil, types(i64), clock, costClock},
	{abi.ImportRandom, types(i32, i32), types(i32), random, costRandom},
	{abi.ImportFileOpen, types(i32, i32, i32), types(i64), fileOpen, costWait},
	{abi.ImportFileRead, types(i32, i32, i32), types(i64), fileRead, costWait},
	{abi.ImportFileWrite, types(i32, i32, i32), types(i64), fileWrite, costWait},
	{abi.ImportFileClose, types(i32, i32, i32), types(i64), fileClose, costWait},
	{abi.ImportFileStat, types(i32, i32, i32, i32), types(i64), fileStat, costWait},
	{abi.ImportFileList, types(i32, i32, i32, i32), types(i64), fileList, costWait},
	{abi.ImportFileDelete, types(i32, i32), types(i64), fileDelete, costWait},
	{abi.ImportFileURL, types(i32, i32, i32, i32), types(i64), fileURL, costWait},
}

// Instantiate adds the host functions and the WASI functions that guest
// imports to the runtime. Call it once, before the guest is instantiated.
func Instantiate(ctx context.Context, r wazero.Runtime, guest wazero.CompiledModule) error {
	b := r.NewHostModuleBuilder(abi.ImportModule)
	for _, f := range functions {
		b.NewFunctionBuilder().WithGoModuleFunction(adapt(f), f.params, f.results).Export(f.name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return fmt.Errorf("hostfuncs: %w", err)
	}
	return instantiateWASI(ctx, r, guest)
}

// Check reports the first import of guest that no host function provides, with
// what it wanted and what there is. The caller provides the modules in own.
func Check(guest wazero.CompiledModule, own ...string) error {
	if m := guest.ImportedMemories(); len(m) > 0 {
		module, name, _ := m[0].Import()
		return fmt.Errorf("hostfuncs: guest imports the memory %.80q.%.80q: expected a guest that exports its own memory", module, name)
	}
	for _, imp := range guest.ImportedFunctions() {
		module, name, _ := imp.Import()
		if slices.Contains(own, module) {
			continue
		}
		switch module {
		case abi.ImportModule:
			f := lookup(name)
			if f == nil {
				return fmt.Errorf("hostfuncs: guest imports %s.%.80q, which ABI version %d does not have", module, name, abi.Version)
			}
			if !equal(f.params, imp.ParamTypes()) || !equal(f.results, imp.ResultTypes()) {
				return fmt.Errorf("hostfuncs: guest imports %s.%s as %.200s: expected %s",
					module, name, Signature(imp.ParamTypes(), imp.ResultTypes()), Signature(f.params, f.results))
			}
		case wasiModule:
			if err := checkWASI(name, imp); err != nil {
				return err
			}
		default:
			return fmt.Errorf("hostfuncs: guest imports %.80q.%.80q: expected imports from %q and %q alone", module, name, abi.ImportModule, wasiModule)
		}
	}
	return nil
}

// Signature writes parameter and result types as WebAssembly's text does.
func Signature(params, results []api.ValueType) string {
	s := "("
	for i, t := range params {
		if i > 0 {
			s += " "
		}
		s += api.ValueTypeName(t)
	}
	s += ") ->"
	if len(results) == 0 {
		return s + " ()"
	}
	for _, t := range results {
		s += " " + api.ValueTypeName(t)
	}
	return s
}

func lookup(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

func equal(a, b []api.ValueType) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
