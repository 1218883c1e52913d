package wasmtest

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Handmade is a guest of hand-written instructions, one function per export, which
// tests break in every way that a host must survive.
type Handmade struct {
	Bodies   map[string][]byte   // by export: instructions without the final end
	Types    map[string][2]Types // by export, if they differ from guest/abi
	Data     map[uint32][]byte   // by address
	Variable bool                // has a mutable i64, as global 0
	Start    []byte              // instructions of a start function; nil: none
	NoMemory bool                // has and exports no memory
	Import   Import              // as function 0, if it has a name
}

// Import is a function that a guest imports.
type Import struct {
	Module, Name    string
	Params, Results Types
}

// Imports that tests use.
var (
	ProcExit       = Import{"wasi_snapshot_preview1", "proc_exit", Types{i32}, nil}
	TenantByDomain = Import{abi.ImportModule, abi.ImportTenantByDomain, Types{i32, i32, i32, i32, i32, i32}, Types{i64}}
	Log            = Import{abi.ImportModule, abi.ImportLog, Types{i32, i32, i32}, nil}
)

// Types are the types of parameters or of results.
type Types = []api.ValueType

const (
	configuredAt = 1024
	decisionAt   = 2048
	replyAt      = 4096
	bufferAt     = 65536
)

// order is the order of the functions. If all of these exports exist, the indices
// of the functions are fixed.
var order = []struct {
	export          string
	params, results Types
}{
	{abi.ExportVersion, nil, Types{i32}},
	{abi.ExportBuffer, Types{i32}, Types{i32}},
	{abi.ExportConfigure, Types{i32}, Types{i64}},
	{abi.ExportRoute, Types{i32}, Types{i64}},
	{abi.ExportCacheKey, Types{i32}, Types{i64}},
	{abi.ExportReverseKey, Types{i32}, Types{i64}},
	{abi.ExportPathname, Types{i32}, Types{i64}},
	{abi.ExportSelfTest, nil, Types{i32}},
	{abi.ExportOpen, Types{i32}, Types{i64}},
	{abi.ExportMessage, Types{i32}, Types{i64}},
	{abi.ExportGroup, Types{i32}, Types{i64}},
	{abi.ExportClose, Types{i32}, Types{i64}},
	{abi.ExportTimer, Types{i32}, Types{i64}},
	{abi.ExportAuthorize, Types{i32}, Types{i64}},
	{"_start", nil, nil},
	{abi.ExportInitialize, nil, nil},
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

// Sound returns a valid guest that answers "no tenant" to every request.
func Sound() *Handmade {
	configured := []byte(`{"name":"handmade","headers":["x-one"]}`)
	decision := abi.Begin(make([]byte, 8), uint32(abi.Missing)|404<<abi.DecStatusShift, 0)
	return &Handmade{
		Bodies: map[string][]byte{
			abi.ExportVersion:   I32(abi.Version),
			abi.ExportBuffer:    I32(bufferAt),
			abi.ExportConfigure: I64(abi.PackReply(configuredAt, uint32(len(configured)))),
			abi.ExportRoute:     I64(abi.PackReply(decisionAt, 8)),
		},
		Types: map[string][2]Types{},
		Data:  map[uint32][]byte{configuredAt: configured, decisionAt: decision.Bytes()},
	}
}

// With sets the body of an export.
func (g *Handmade) With(export string, body ...byte) *Handmade {
	g.Bodies[export] = body
	return g
}

// Without removes an export.
func (g *Handmade) Without(export string) *Handmade {
	delete(g.Bodies, export)
	return g
}

// WithData sets the initial content of the memory at an address.
func (g *Handmade) WithData(addr uint32, s string) *Handmade {
	g.Data[addr] = []byte(s)
	return g
}

// Replies makes an export reply with s.
func (g *Handmade) Replies(export, s string) *Handmade {
	return g.With(export, I64(abi.PackReply(replyAt, uint32(len(s))))...).WithData(replyAt, s)
}

// Mirrors makes an export reply with the message that it receives.
func (g *Handmade) Mirrors(export string) *Handmade {
	body := append([]byte{0x20, 0, 0xad}, I64(bufferAt<<32)...) // local.get 0, i64.extend_i32_u
	return g.With(export, append(body, 0x84)...)                // i64.or
}

// Wasm encodes the guest.
func (g *Handmade) Wasm() []byte {
	var types, imports, functions, globals, exports, start, bodies, data [][]byte
	first := uint32(0)
	if g.Import.Name != "" {
		types = append(types, signature(g.Import.Params, g.Import.Results))
		imports = append(imports, append(append(name(g.Import.Module), name(g.Import.Name)...), 0, 0))
		first = 1
	}
	add := func(params, results Types, body []byte) (index []byte) {
		index = leb(first + uint32(len(functions)))
		functions = append(functions, leb(uint32(len(types))))
		types = append(types, signature(params, results))
		code := append(append([]byte{0}, body...), 0x0b)
		bodies = append(bodies, append(leb(uint32(len(code))), code...))
		return index
	}
	for _, f := range order {
		body, ok := g.Bodies[f.export]
		if !ok {
			continue
		}
		params, results := f.params, f.results
		if t, ok := g.Types[f.export]; ok {
			params, results = t[0], t[1]
		}
		exports = append(exports, append(append(name(f.export), 0), add(params, results, body)...))
	}
	if g.Start != nil {
		start = [][]byte{add(nil, nil, g.Start)}
	}
	if g.Variable {
		globals = [][]byte{append(append([]byte{i64, 1}, I64(0)...), 0x0b)}
	}
	memories := [][]byte{{0, 4}}
	if g.NoMemory {
		memories = nil
	} else {
		exports = append(exports, append(name(abi.ExportMemory), 2, 0))
		for _, addr := range slices.Sorted(maps.Keys(g.Data)) {
			segment := append(append([]byte{0}, I32(addr)...), 0x0b)
			data = append(data, append(append(segment, leb(uint32(len(g.Data[addr])))...), g.Data[addr]...))
		}
	}
	module := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	for _, s := range []struct {
		id    byte
		items [][]byte
	}{{1, types}, {2, imports}, {3, functions}, {5, memories}, {6, globals}, {7, exports}, {8, start}, {10, bodies}, {11, data}} {
		if len(s.items) > 0 {
			module = section(module, s.id, s.items)
		}
	}
	return module
}

func section(module []byte, id byte, items [][]byte) []byte {
	var body []byte
	if id != 8 { // the start section is not a list
		body = leb(uint32(len(items)))
	}
	for _, item := range items {
		body = append(body, item...)
	}
	return append(append(append(module, id), leb(uint32(len(body)))...), body...)
}

func signature(params, results Types) []byte {
	s := append([]byte{0x60, byte(len(params))}, params...)
	return append(append(s, byte(len(results))), results...)
}

func name(s string) []byte { return append(leb(uint32(len(s))), s...) }

func leb(v uint32) []byte { return binary.AppendUvarint(nil, uint64(v)) }

func signed(v int64) []byte {
	var out []byte
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// I32 returns the instruction i32.const v.
func I32(v uint32) []byte { return append([]byte{0x41}, signed(int64(int32(v)))...) }

// I64 returns the instruction i64.const v.
func I64(v uint64) []byte { return append([]byte{0x42}, signed(int64(v))...) }
