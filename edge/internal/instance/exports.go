package instance

import (
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

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

// keptExports returns the exports that requests call.
func keptExports() (names []string) {
	for e := Route; e < exportCount; e++ {
		names = append(names, exportSpecs[e].name)
	}
	return names
}

// checkExports returns which exports the guest has. It fails if a required one
// is missing, or one has another signature.
func checkExports(m wazero.CompiledModule) (has [exportCount]bool, err error) {
	if _, ok := m.ExportedMemories()[abi.ExportMemory]; !ok {
		return has, fmt.Errorf("exports no memory: expected one as %q", abi.ExportMemory)
	}
	functions := m.ExportedFunctions()
	for e, spec := range exportSpecs {
		f, ok := functions[spec.name]
		if !ok {
			if spec.optional {
				continue
			}
			return has, fmt.Errorf("exports no function %s: expected %s %s%s", spec.name, spec.name, hostfuncs.Signature(spec.params, spec.results), hint(functions))
		}
		found, expected := hostfuncs.Signature(f.ParamTypes(), f.ResultTypes()), hostfuncs.Signature(spec.params, spec.results)
		if found != expected {
			return has, fmt.Errorf("exports %s as %.200s: expected %s", spec.name, found, expected)
		}
		has[e] = true
	}
	return has, nil
}

// hint returns advice for a guest that lacks an export or fails before its
// first request, if it was built as a command, which the host does not
// initialize.
func hint(functions map[string]api.FunctionDefinition) string {
	if functions["_start"] == nil || functions[abi.ExportInitialize] != nil {
		return ""
	}
	return "; it exports _start and not _initialize, so it is a command: build it as a library (Go: -buildmode=c-shared; clang: -mexec-model=reactor)"
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
