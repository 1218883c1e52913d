package hostfuncs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// wasiModule is the import module of WASI preview 1,
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md.
const wasiModule = "wasi_snapshot_preview1"

// WASI errno values that guests get to see.
const (
	wasiOK     = 0
	wasiBadf   = 8
	wasiFault  = 21
	wasiIntr   = 27
	wasiInval  = 28
	wasiNosys  = 52
	stdout     = 1
	stderr     = 2
	clockReal  = 0
	clockMono  = 1
	clockTicks = 1 // nanoseconds
)

// wasiFunctions are the WASI functions that do something. They are our own,
// few enough to read in one go, because what is not here cannot be reached: no
// files, no sockets, no arguments but the program's name, no environment.
var wasiFunctions = []function{
	{"args_get", types(i32, i32), types(i32), wasiArguments, costTrivial},
	{"args_sizes_get", types(i32, i32), types(i32), wasiArgumentSizes, costTrivial},
	{"environ_get", types(i32, i32), types(i32), wasiNothing, costTrivial},
	{"environ_sizes_get", types(i32, i32), types(i32), wasiNoStrings, costTrivial},
	{"clock_time_get", types(i32, i64, i32), types(i32), wasiClockTime, costClock},
	{"clock_res_get", types(i32, i32), types(i32), wasiClockRes, costTrivial},
	{"random_get", types(i32, i32), types(i32), wasiRandom, costRandom},
	{"sched_yield", nil, types(i32), wasiNothing, costTrivial},
	{"fd_write", types(i32, i32, i32, i32), types(i32), wasiWrite, costTrivial},
	{"fd_prestat_get", types(i32, i32), types(i32), wasiNoFile, costTrivial},
	{"fd_prestat_dir_name", types(i32, i32, i32), types(i32), wasiNoFile, costTrivial},
	{"fd_fdstat_get", types(i32, i32), types(i32), wasiNoFile, costTrivial},
	{"fd_close", types(i32), types(i32), wasiNoFile, costTrivial},
	{"poll_oneoff", types(i32, i32, i32, i32), types(i32), wasiPoll, costWait},
}

// instantiateWASI builds the WASI module that guest imports. A WASI function
// that is imported, but not in the list, answers ENOSYS: libc links in file
// functions that a guest never calls.
func instantiateWASI(ctx context.Context, r wazero.Runtime, guest wazero.CompiledModule) error {
	b := r.NewHostModuleBuilder(wasiModule)
	exported := false
	for _, imp := range guest.ImportedFunctions() {
		module, name, _ := imp.Import()
		if module != wasiModule {
			continue
		}
		exported = true
		if name == "proc_exit" {
			b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(procExit), imp.ParamTypes(), imp.ResultTypes()).Export(name)
			continue
		}
		f := wasiFunction(name)
		if f == nil {
			f = &function{name, imp.ParamTypes(), imp.ResultTypes(), wasiMissing, costTrivial}
		}
		b.NewFunctionBuilder().WithGoModuleFunction(adapt(*f), f.params, f.results).Export(name)
	}
	if !exported {
		return nil
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return fmt.Errorf("hostfuncs: %w", err)
	}
	return nil
}

func checkWASI(name string, imp api.FunctionDefinition) error {
	want := wasiFunction(name)
	switch {
	case name == "proc_exit":
		want = &function{params: types(i32)}
	case want == nil && !equal(imp.ResultTypes(), types(i32)):
		return fmt.Errorf("hostfuncs: guest imports %s.%.80q as %.200s: expected a WASI preview 1 function, which returns i32",
			wasiModule, name, Signature(imp.ParamTypes(), imp.ResultTypes()))
	case want == nil:
		return nil
	}
	if !equal(want.params, imp.ParamTypes()) || !equal(want.results, imp.ResultTypes()) {
		return fmt.Errorf("hostfuncs: guest imports %s.%s as %.200s: expected %s",
			wasiModule, name, Signature(imp.ParamTypes(), imp.ResultTypes()), Signature(want.params, want.results))
	}
	return nil
}

func wasiFunction(name string) *function {
	for i := range wasiFunctions {
		if wasiFunctions[i].name == name {
			return &wasiFunctions[i]
		}
	}
	return nil
}

// procExit ends the guest's call by a trap, and leaves the module open: its
// owner decides what becomes of it. wazero's own closes the module, which
// frees memory that others may still look at.
func procExit(_ context.Context, _ api.Module, s []uint64) { panic(sys.NewExitError(uint32(s[0]))) }

func wasiNothing(_ *Call, _ memory, s []uint64) { s[0] = wasiOK }
func wasiNoFile(_ *Call, _ memory, s []uint64)  { s[0] = wasiBadf }
func wasiMissing(_ *Call, _ memory, s []uint64) { s[0] = wasiNosys }

// wasiNoStrings is the answer "no strings, of no bytes".
func wasiNoStrings(_ *Call, m memory, s []uint64) {
	if !m.putUint32(uint32(s[0]), 0) || !m.putUint32(uint32(s[1]), 0) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

// program is what a guest finds as the name of its program. It has no further
// argument.
const program = "guest\x00"

func wasiArgumentSizes(_ *Call, m memory, s []uint64) {
	if !m.putUint32(uint32(s[0]), 1) || !m.putUint32(uint32(s[1]), uint32(len(program))) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

func wasiArguments(_ *Call, m memory, s []uint64) {
	text, ok := m.bytes(uint32(s[1]), uint32(len(program)))
	if !ok || !m.putUint32(uint32(s[0]), uint32(s[1])) {
		s[0] = wasiFault
		return
	}
	copy(text, program)
	s[0] = wasiOK
}

func wasiClockTime(c *Call, m memory, s []uint64) {
	var ns uint64
	switch uint32(s[0]) {
	case clockReal:
		ns = uint64(c.now().UnixNano())
	case clockMono:
		ns = uint64(c.monotonic())
	default:
		s[0] = wasiInval
		return
	}
	if !m.putUint64(uint32(s[2]), ns) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

func wasiClockRes(_ *Call, m memory, s []uint64) {
	if !m.putUint64(uint32(s[1]), clockTicks) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

func wasiRandom(c *Call, m memory, s []uint64) {
	out, ok := m.bytes(uint32(s[0]), uint32(s[1]))
	if !ok {
		s[0] = wasiFault
		return
	}
	c.fill(out)
	s[0] = wasiOK
}

// wasiWrite sends what a guest prints to its log: a Go guest's last words
// before it panics are there.
func wasiWrite(c *Call, m memory, s []uint64) {
	fd, vectors, count, result := uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3])
	if fd != stdout && fd != stderr {
		s[0] = wasiBadf
		return
	}
	level := slog.LevelInfo
	if fd == stderr {
		level = slog.LevelWarn
	}
	written := uint32(0)
	for i := range min(count, 16) { // WASI lets a write be short
		v, ok := m.bytes(vectors+8*i, 8)
		if !ok {
			s[0] = wasiFault
			return
		}
		addr, length := le32(v), le32(v[4:])
		text, ok := m.text(addr, length)
		if !ok {
			s[0] = wasiFault
			return
		}
		if len(text) > 0 {
			c.said.print(level, text[:min(len(text), abi.MaxLogText)])
			c.worked()
			c.charge(costRecord)
		}
		written += length
	}
	if !m.putUint32(result, written) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
