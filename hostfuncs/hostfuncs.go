// Package hostfuncs implements the functions that guests import: the host
// functions of package guest/abi, which documents their arguments and answers, and
// the WASI functions that toolchains link in.
//
// Call [Check] and [Instantiate] once for each runtime. Each instance has a [Call],
// which is the context.Context of every call into it and names the [Services] that
// answer.
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

// Services implements the host functions of one instance. Strings and byte slices
// passed to a method share the guest's memory and are valid until it returns. The
// names of files are copies.
type Services interface {
	// ByDomain, ByReference and Primary find a tenant by domain and folder, by
	// reference, and by id. They write its record (abi.RecID …) to out and return
	// its size. They do not write a record that does not fit, and do no I/O.
	ByDomain(domain, folder string, out []byte) (size int, found bool)
	ByReference(ref string, out []byte) (size int, found bool)
	Primary(id string, out []byte) (size int, found bool)
	// Query runs the named statement in a schema with args, a JSON array, and
	// returns the rows as JSON. The guest gets the abi.Errno in an error's chain,
	// else abi.Timeout for an error of a context, else abi.Internal.
	Query(ctx context.Context, schema, name string, args []byte) ([]byte, error)
	// Files opens the files of the call's current tenant. It returns last, which
	// may be nil, if that holds the files of the same tenant. Without a tenant it
	// returns abi.Denied. The Call closes what it returns.
	Files(ctx context.Context, last Files) (Files, error)
	// FileLimits returns the limits of one call.
	FileLimits() FileLimits
	// Log writes a log record: what a guest logged and printed in one call, as one
	// line without control characters, or an error of a host function. attrs are what a
	// guest chose for a line of its own: keys of letters, digits, underscores, hyphens
	// and dots, and text without control characters. Put them in a group, so that none
	// replaces one of the host.
	Log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr)
}

// function is a host function before adapt.
type function struct {
	name    string
	params  []api.ValueType
	results []api.ValueType
	call    func(c *Call, m memory, stack []uint64)
	cost    uint64 // units of fuel, without those per byte
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

func types(t ...api.ValueType) []api.ValueType { return t }

// functions are the functions of the import module.
var functions = []function{
	{abi.ImportTenantByDomain, types(i32, i32, i32, i32, i32, i32), types(i64), tenantByDomain, costLookup},
	{abi.ImportTenantByReference, types(i32, i32, i32, i32), types(i64), tenantByReference, costLookup},
	{abi.ImportPrimaryDomain, types(i32, i32, i32, i32), types(i64), primaryDomain, costLookup},
	{abi.ImportQuery, types(i32, i32, i32, i32, i32, i32, i32, i32), types(i64), query, costWait},
	{abi.ImportLog, types(i32, i32, i32), nil, logLine, costRecord},
	{abi.ImportLogAttrs, types(i32, i32, i32, i32, i32), nil, logAttrs, costRecord},
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

// Instantiate adds to the runtime all host functions, and the WASI functions that
// guest imports. Call it once, before the guest is instantiated.
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

// Check returns an error for the first import of guest that this package does not
// provide, with its signature and the expected one. It skips the modules in own,
// which the caller provides.
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
				return fmt.Errorf("hostfuncs: guest imports %s.%.80q, which ABI version %d does not have; build it against this version's guest/abi", module, name, abi.Version)
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
			return fmt.Errorf("hostfuncs: guest imports %.80q.%.80q: expected imports only from %q and %q; %s", module, name, abi.ImportModule, wasiModule, Advice(module, name))
		}
	}
	return nil
}

// Signature returns a function type as text, for example "(i32 i32) -> i64".
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

// Names returns the names of the functions that this package provides in an import
// module: abi.ImportModule or "wasi_snapshot_preview1".
func Names(module string) []string {
	var names []string
	of := functions
	switch module {
	case wasiModule:
		of, names = wasiFunctions, []string{"proc_exit"}
	case abi.ImportModule:
	default:
		return nil
	}
	for _, f := range of {
		names = append(names, f.name)
	}
	return names
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
