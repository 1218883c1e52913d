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

// WASI errnos that guests can get, file descriptors and clock ids.
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

// wasiFunctions are the implemented WASI functions. They give no access to files,
// sockets or the environment, and only the program's name as argument.
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

// instantiateWASI instantiates the WASI functions that guest imports. One that is
// not in wasiFunctions returns ENOSYS: libc links in file functions that guests
// never call.
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
			f = &function{name, imp.ParamTypes(), imp.ResultTypes(), wasiMissing(name), costTrivial}
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

// checkWASI checks the signature of an imported WASI function. One that is not in
// wasiFunctions must return i32, for ENOSYS.
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

// procExit ends the guest's call by a panic and leaves the module open. wazero's
// proc_exit closes the module, which frees memory that the host may still read.
func procExit(_ context.Context, _ api.Module, s []uint64) { panic(sys.NewExitError(uint32(s[0]))) }

func wasiNothing(_ *Call, _ memory, s []uint64) { s[0] = wasiOK }
func wasiNoFile(_ *Call, _ memory, s []uint64)  { s[0] = wasiBadf }

// wasiMissing returns the implementation of a function that guests do not have.
func wasiMissing(name string) func(*Call, memory, []uint64) {
	return func(c *Call, _ memory, s []uint64) {
		c.deny(name)
		s[0] = wasiNosys
	}
}

// deny records a function for Denied.
func (c *Call) deny(name string) {
	if c.denied == "" {
		c.denied = name
	}
}

// wasiNoStrings answers with a count and a size of 0.
func wasiNoStrings(_ *Call, m memory, s []uint64) {
	if !m.putUint32(uint32(s[0]), 0) || !m.putUint32(uint32(s[1]), 0) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

// program is the only argument of a guest, its program's name.
const program = "guest\x00"

func wasiArgumentSizes(_ *Call, m memory, s []uint64) {
	if !m.putUint32(uint32(s[0]), 1) || !m.putUint32(uint32(s[1]), uint32(len(program))) {
		s[0] = wasiFault
		return
	}
	s[0] = wasiOK
}

func wasiArguments(_ *Call, m memory, s []uint64) {
	text, ok := m.output(uint32(s[1]), uint32(len(program)))
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
		ns = uint64(c.now())
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
	out, ok := m.output(uint32(s[0]), uint32(s[1]))
	if !ok {
		s[0] = wasiFault
		return
	}
	c.fill(out)
	s[0] = wasiOK
}

// wasiWrite appends what a guest prints to the log of the call.
func wasiWrite(c *Call, m memory, s []uint64) {
	fd, vectors, count, result := uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3])
	if fd != stdout && fd != stderr {
		c.deny("fd_write")
		s[0] = wasiBadf
		return
	}
	level := slog.LevelInfo
	if fd == stderr {
		level = slog.LevelWarn
	}
	written := uint32(0)
	for i := range min(count, 16) { // WASI allows short writes
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
			c.log.print(level, text[:min(len(text), abi.MaxLogText)])
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
