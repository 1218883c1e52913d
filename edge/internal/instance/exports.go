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
}

var (
	i32 = []api.ValueType{api.ValueTypeI32}
	i64 = []api.ValueType{api.ValueTypeI64}
)

var exportSpecs = [exportCount]exportSpec{
	version:    {abi.ExportVersion, nil, i32, false},
	buffer:     {abi.ExportBuffer, i32, i32, false},
	configure:  {abi.ExportConfigure, i32, i64, false},
	Route:      {abi.ExportRoute, i32, i64, false},
	CacheKey:   {abi.ExportCacheKey, i32, i64, true},
	ReverseKey: {abi.ExportReverseKey, i32, i64, true},
	Pathname:   {abi.ExportPathname, i32, i64, true},
	Authorize:  {abi.ExportAuthorize, i32, i64, true},
	SelfTest:   {abi.ExportSelfTest, nil, i32, true},

	SocketOpen:    {abi.ExportOpen, i32, i64, true},
	SocketMessage: {abi.ExportMessage, i32, i64, true},
	SocketClose:   {abi.ExportClose, i32, i64, true},
	SocketGroup:   {abi.ExportGroup, i32, i64, true},
	SocketTimer:   {abi.ExportTimer, i32, i64, true},
}

// keptExports are those that requests call.
func keptExports() (names []string) {
	for e := Route; e < exportCount; e++ {
		names = append(names, exportSpecs[e].name)
	}
	return names
}

// checkExports tells which exports the guest has, and refuses it if one that
// it must have is missing, or one has another signature.
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
			return has, fmt.Errorf("exports no function %s: expected %s %s", spec.name, spec.name, hostfuncs.Signature(spec.params, spec.results))
		}
		found, expected := hostfuncs.Signature(f.ParamTypes(), f.ResultTypes()), hostfuncs.Signature(spec.params, spec.results)
		if found != expected {
			return has, fmt.Errorf("exports %s as %s: expected %s", spec.name, found, expected)
		}
		has[e] = true
	}
	return has, nil
}

// Missing lists the optional exports that the guest does without.
func (p *Program) Missing() []string {
	names := []string{}
	for e, spec := range exportSpecs {
		if spec.optional && !p.exports[e] {
			names = append(names, spec.name)
		}
	}
	return names
}

// checkConsumer refuses a guest that says that it handles websockets, and has
// not what that takes.
func (p *Program) checkConsumer() error {
	for _, e := range []Export{SocketOpen, SocketMessage} {
		if p.configured.Consumer && !p.exports[e] {
			return fmt.Errorf("%s says that it handles websockets, and it exports no function %s", abi.ExportConfigure, exportSpecs[e].name)
		}
	}
	return nil
}
