package instance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/suggest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Export is a function that guests export and hosts call.
type Export int

// The exports of guest/abi.
const (
	version Export = iota
	buffer
	configure
	Route
	CacheKey
	ReverseKey
	Pathname
	Authorize
	SelfTest
	SocketOpen
	SocketMessage
	SocketClose
	SocketGroup
	SocketTimer
	exportCount
)

type exportSpec struct {
	name            string
	params, results []api.ValueType
	optional        bool
	bounds          *abi.Bounds // of the reply, if it is a message
}

var (
	i32 = []api.ValueType{api.ValueTypeI32}
	i64 = []api.ValueType{api.ValueTypeI64}
)

var exportSpecs = [exportCount]exportSpec{
	version:    {abi.ExportVersion, nil, i32, false, nil},
	buffer:     {abi.ExportBuffer, i32, i32, false, nil},
	configure:  {abi.ExportConfigure, i32, i64, false, nil},
	Route:      {abi.ExportRoute, i32, i64, false, &abi.DecisionBounds},
	CacheKey:   {abi.ExportCacheKey, i32, i64, true, &abi.KeyBounds},
	ReverseKey: {abi.ExportReverseKey, i32, i64, true, &abi.KeyBounds},
	Pathname:   {abi.ExportPathname, i32, i64, true, &abi.PathnameBounds},
	Authorize:  {abi.ExportAuthorize, i32, i64, true, &abi.VerdictBounds},
	SelfTest:   {abi.ExportSelfTest, nil, i32, true, nil},

	SocketOpen:    {abi.ExportOpen, i32, i64, true, &abi.EffectsBounds},
	SocketMessage: {abi.ExportMessage, i32, i64, true, &abi.EffectsBounds},
	SocketClose:   {abi.ExportClose, i32, i64, true, &abi.EffectsBounds},
	SocketGroup:   {abi.ExportGroup, i32, i64, true, &abi.EffectsBounds},
	SocketTimer:   {abi.ExportTimer, i32, i64, true, &abi.EffectsBounds},
}

// Contract describes an exported function of guest/abi.
type Contract struct {
	Name      string
	Signature string // as of hostfuncs.Signature
	Optional  bool
}

// Contracts returns the functions that the host calls.
func Contracts() []Contract {
	all := make([]Contract, 0, exportCount)
	for _, s := range exportSpecs {
		all = append(all, Contract{s.name, hostfuncs.Signature(s.params, s.results), s.optional})
	}
	return all
}

// Name returns the name of the export, as in guest/abi.
func (e Export) Name() string { return exportSpecs[e].name }

// keptExports returns the exports that requests call.
func keptExports() (names []string) {
	for e := Route; e < exportCount; e++ {
		names = append(names, exportSpecs[e].name)
	}
	return names
}

// checkExports returns which exports the guest has. It fails if a required one
// is missing, if one has another signature, or if the name of an export is probably
// a misspelled one of the contract: without the optional export that the author
// meant, the host's default would apply silently.
func (p *Program) checkExports() (has [exportCount]bool, err error) {
	if err := p.checkMemory(); err != nil {
		return has, err
	}
	functions := p.compiled.ExportedFunctions()
	unknown := unknownExports(functions)
	for e, spec := range exportSpecs {
		f, ok := functions[spec.name]
		if !ok {
			near := misspelled(spec.name, unknown)
			switch {
			case spec.optional && near == "":
				continue
			case spec.optional:
				return has, fmt.Errorf("exports %.80q, which the contract does not have: rename it to %s", near, spec.name)
			}
			do := fmt.Sprintf("export it as %s %s", spec.name, hostfuncs.Signature(spec.params, spec.results))
			if near != "" {
				do = fmt.Sprintf("rename its export %.80q", near)
			}
			return has, fmt.Errorf("exports no function %s: %s%s", spec.name, do, hint(functions))
		}
		found, expected := hostfuncs.Signature(f.ParamTypes(), f.ResultTypes()), hostfuncs.Signature(spec.params, spec.results)
		if found != expected {
			return has, fmt.Errorf("exports %s as %.200s: expected %s", spec.name, found, expected)
		}
		has[e] = true
	}
	return has, nil
}

// checkMemory fails unless the guest exports its memory.
func (p *Program) checkMemory() error {
	memories := p.compiled.ExportedMemories()
	switch {
	case memories[abi.ExportMemory] != nil:
		return nil
	case p.metered.MaxMemory == 0:
		return fmt.Errorf("has no memory: expected one, exported as %q", abi.ExportMemory)
	case len(memories) > 0:
		return fmt.Errorf("does not export its memory as %q: rename its export %.80q", abi.ExportMemory, slices.Sorted(maps.Keys(memories))[0])
	}
	return fmt.Errorf("does not export its memory: export it as %q (wasm-ld: --export-memory; AssemblyScript: no --noExportMemory)", abi.ExportMemory)
}

// maxCompared is the number of exports up to which names are compared.
const maxCompared = 1000

// unknownExports returns the sorted exports that the contract does not have, or none
// if there are too many to compare them with it.
func unknownExports(functions map[string]api.FunctionDefinition) []string {
	var unknown []string
	if len(functions) > maxCompared {
		return nil
	}
	for name := range functions {
		if !slices.ContainsFunc(exportSpecs[:], func(s exportSpec) bool { return s.name == name }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// misspelled returns the export that is probably meant to be name, or the empty
// string. Case and underscores do not count.
func misspelled(name string, unknown []string) string {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, found := range unknown {
		if plain(found) == plain(name) {
			return found
		}
	}
	if near := suggest.Nearest(name, unknown); strings.HasPrefix(near, "te_") {
		return near
	}
	return ""
}

// similarImport returns a question with the host function that an unknown import of
// their module is probably meant to be, or the empty string.
func similarImport(m wazero.CompiledModule) string {
	for _, f := range m.ImportedFunctions() {
		if module, name, _ := f.Import(); module == abi.ImportModule && !slices.Contains(hostfuncs.Names(abi.ImportModule), name) {
			if near := suggest.Nearest(name, hostfuncs.Names(abi.ImportModule)); near != "" {
				return fmt.Sprintf("; did you mean %q?", near)
			}
		}
	}
	return ""
}

// hint returns advice for a guest that lacks an export or fails before its
// first request, if it was built as a command, which the host does not
// initialize.
func hint(functions map[string]api.FunctionDefinition) string {
	if functions["_start"] == nil || functions[abi.ExportInitialize] != nil {
		return ""
	}
	return "; it exports _start and not _initialize, so it is a command: build it as a library (Go and TinyGo: -buildmode=c-shared; clang: -mexec-model=reactor, or -nostartfiles -Wl,--no-entry; Rust: crate-type cdylib; Zig: entry = .disabled)"
}

// Missing returns the optional exports that the guest lacks.
func (p *Program) Missing() []string {
	names := []string{}
	for e, spec := range exportSpecs {
		if spec.optional && !p.exports[e] {
			names = append(names, spec.name)
		}
	}
	return names
}

// checkConsumer fails for a guest that declares a websocket consumer and lacks
// its exports.
func (p *Program) checkConsumer() error {
	for _, e := range []Export{SocketOpen, SocketMessage} {
		if p.configured.Consumer && !p.exports[e] {
			return fmt.Errorf("exports no function %s: %s declares a websocket consumer, which needs it", exportSpecs[e].name, abi.ExportConfigure)
		}
	}
	return nil
}
