package wasmtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Broken is a guest that a host refuses.
type Broken struct {
	Name          string
	Wasm          []byte
	Cause, Remedy string // parts of the refusal
}

// Instructions of broken guests.
var (
	call0       = []byte{0x10, 0}
	unreachable = []byte{0x00}
	// endless never ends. It tries to get memory that it cannot have, which costs much
	// fuel and no time.
	endless = slices.Concat([]byte{0x03, 0x40}, I32(1000), []byte{0x40, 0, 0x1a, 0x0c, 0, 0x0b})
)

// BrokenGuests returns guests with the mistakes of guest authors, one each.
func BrokenGuests() []Broken {
	return slices.Concat(brokenFiles(), brokenFeatures(), brokenShapes(), brokenImports(), brokenCode())
}

// brokenFiles are files that are no modules.
func brokenFiles() []Broken {
	sound := Sound().Wasm()
	return []Broken{
		{"an empty file", []byte{}, "found an empty file", "check that the build wrote its output"},
		{"the text format", []byte("(module\n  (memory 1))\n"), "found WebAssembly text", "translate it with wat2wasm"},
		{"a source file", []byte("package main\n"), `found text that begins with "package main\n"`, "pass the module that the build writes"},
		{"an ELF file", []byte("\x7fELF\x02\x01\x01\x00"), "found an ELF file, which is native code", "GOOS=wasip1 GOARCH=wasm"},
		{"a static library", []byte("!<arch>\nmain.o/"), "found a static library", "-buildmode=c-shared"},
		{"a gzip file", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "found a gzip file", "decompress it with gunzip"},
		{"a download that failed", []byte("<!DOCTYPE html>\n"), "found HTML or XML", "download the module again"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00\x07\x00"), "found a component (component model)", "build a core module (Rust: the target wasm32-unknown-unknown"},
		{"a truncated module", sound[:len(sound)/2], "malformed module", "the file is truncated: copy, download or build it again"},
		{"100 MB", append(sound, make([]byte, 100<<20)...), "expected at most 67108864 bytes, found more", "strip its debug sections"},
	}
}

// brokenFeatures are modules that use proposals after core Wasm 2.0.
func brokenFeatures() []Broken {
	const memory = "\x05\x03\x01\x00\x04" // one of 4 pages
	section := func(with string) []byte {
		b := Sound().Wasm()
		if bytes.Count(b, []byte(memory)) != 1 {
			panic("wasmtest: expected the memory section of a sound guest once")
		}
		return bytes.Replace(b, []byte(memory), []byte(with), 1)
	}
	code := func(body ...byte) []byte { return Sound().With(abi.ExportSelfTest, body...).Wasm() }
	return []Broken{
		{"shared memory", section("\x05\x04\x01\x03\x04\x08"), "found shared memory (threads)", "build without threads (clang: no -pthread"},
		{"atomic instructions", code(0xfe, 0x03, 0x00), "found opcode 0xfe (threads)", "build without threads"},
		{"64-bit memory", section("\x05\x03\x01\x04\x04"), "found 64-bit limits (memory64)", "the target wasm32, not wasm64"},
		{"two memories", section("\x05\x05\x02\x00\x04\x00\x04"), "expected one memory, found 2 (multiple memories)", "build a module with one memory"},
		{"exceptions", code(0x06, 0x40, 0x19, 0x0b), "(exception handling)", "clang: -fno-exceptions"},
		{"tail calls", code(0x12, 0), "(tail calls)", "clang: -mno-tail-call"},
		{"garbage collection", code(0xfb, 0, 0), "(garbage collection", "use a language that compiles to linear memory"},
		{"relaxed SIMD", code(0xfd, 0x80, 0x02), "(relaxed SIMD)", "-mno-relaxed-simd"},
		{"a memory of 4 GiB", section("\x05\x05\x01\x00\x80\x80\x04"), "expected an initial memory of at most 1024 pages", "raise limits.guest.memory"},
		{"a memory of no page", section("\x05\x03\x01\x00\x00"), "inside its memory of 0 bytes", "declare a larger initial memory"},
		{"a memory without room for the buffer", Sound().With(abi.ExportBuffer, I32(4<<16-100)...).Wasm(), "te_buffer points at", "memory.grow"},
	}
}

// edit returns a sound guest that change has changed.
func edit(change func(*wasm.Module)) []byte {
	m, err := wasm.Decode(Sound().With(abi.ExportSelfTest, I32(0)...).With(abi.ExportAuthorize, I64(0)...).Wasm())
	if err != nil {
		panic(err)
	}
	change(m)
	return m.Encode()
}

// rename renames an export; to "", it removes the export.
func rename(from, to string) []byte {
	return edit(func(m *wasm.Module) {
		var all []wasm.Export
		for _, e := range m.Exports.All() {
			if e.Name == from {
				e.Name = to
			}
			if e.Name != "" {
				all = append(all, e)
			}
		}
		m.Exports.Clear()
		for _, e := range all {
			m.Exports.Add(e)
		}
	})
}

// brokenShapes are modules with wrong exports or declarations.
func brokenShapes() []Broken {
	command := Sound().Without(abi.ExportRoute).With("_start").Wasm()
	wide := Sound()
	wide.Types[abi.ExportRoute] = [2]Types{{i32, i32}, {i64}}
	none := Sound()
	none.NoMemory = true
	globals := func(n int) []byte {
		return edit(func(m *wasm.Module) {
			for range n {
				m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(0)})
			}
		})
	}
	table := edit(func(m *wasm.Module) {
		m.Tables.Add(wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1 << 20}})
	})
	return []Broken{
		{"a required export is missing", rename(abi.ExportBuffer, ""), "exports no function te_buffer", "export it as te_buffer (i32) -> i32"},
		{"a typo in a required export", rename(abi.ExportRoute, "te_rout"), "exports no function te_route", `rename its export "te_rout"`},
		{"a typo in an optional export", rename(abi.ExportAuthorize, "te_authorise"), `exports "te_authorise"`, "rename it to te_authorize"},
		{"an export in another spelling", rename(abi.ExportRoute, "teRoute"), "exports no function te_route", `rename its export "teRoute"`},
		{"a wrong signature", wide.Wasm(), "exports te_route as (i32 i32) -> i64", "expected (i32) -> i64"},
		{"no memory", none.Wasm(), "has no memory", "expected one"},
		{"a memory that is not exported", rename(abi.ExportMemory, ""), "does not export its memory", "--export-memory"},
		{"a memory that is exported under another name", rename(abi.ExportMemory, "mem"), "does not export its memory", `rename its export "mem"`},
		{"a command", command, "it exports _start and not _initialize, so it is a command", "Go: -buildmode=c-shared"},
		{"ABI version 0", Sound().With(abi.ExportVersion, I32(0)...).Wasm(), "te_abi_version is 0: expected 1", "build it against this version's guest/abi"},
		{"too many globals", globals(1001), "expected at most 1000 mutable globals", "keep state in memory"},
		{"a table that is too large", table, "expected tables of at most 262144 elements together", "found 1048576"},
	}
}

// importing returns a guest that imports a function and, if it has a body, calls it
// when it is initialized.
func importing(i Import, body ...byte) []byte {
	g := Sound()
	g.Import = i
	if body != nil {
		g.With(abi.ExportInitialize, body...)
	}
	return g.Wasm()
}

// brokenImports are modules with imports that the host does not provide.
func brokenImports() []Broken {
	memory := edit(func(m *wasm.Module) {
		m.Imports.Add(wasm.Import{Module: "env", Name: "memory", Kind: wasm.KindMemory, Memory: wasm.Memory{Limits: wasm.Limits{Min: 1}}})
		m.Memories.Clear()
	})
	const wasi = "wasi_snapshot_preview1"
	// failing calls function 0 and traps if that returns an errno.
	failing := func(args ...byte) []byte {
		return append(args, 0x10, 0, 0x04, 0x40, 0x00, 0x0b)
	}
	four := bytes.Repeat(I32(0), 4)
	open := slices.Concat(bytes.Repeat(I32(0), 5), I64(0), I64(0), I32(0), I32(0))
	return []Broken{
		{"imported memory", memory, `found the import "memory" of "env"`, "--import-memory"},
		{"AssemblyScript's abort", importing(Import{"env", "abort", Types{i32, i32, i32, i32}, nil}), `imports "env"."abort"`, "--use abort="},
		{"emscripten", importing(Import{"env", "emscripten_resize_heap", Types{i32}, Types{i32}}), `imports "env"."emscripten_resize_heap"`, "-sSTANDALONE_WASM"},
		{"a function that is declared and not linked", importing(Import{"env", "my_helper", nil, nil}), `imports "env"."my_helper"`, "link the object or library that defines it"},
		{"wasm-bindgen", importing(Import{"__wbindgen_placeholder__", "__wbindgen_throw", Types{i32, i32}, nil}), `imports "__wbindgen_placeholder__"`, "without wasm-bindgen"},
		{"Go for JavaScript", importing(Import{"gojs", "runtime.wasmExit", Types{i32}, nil}), `imports "gojs"`, "GOOS=wasip1"},
		{"WASI preview 2", importing(Import{"wasi:cli/environment@0.2.0", "get-environment", Types{i32}, nil}), `imports "wasi:cli/environment@0.2.0"`, "WASI preview 1"},
		{"threads of WASI", importing(Import{"wasi", "thread-spawn", Types{i32}, Types{i32}}), `imports "wasi"."thread-spawn"`, "without threads"},
		{"an unknown module", importing(Import{"kv", "get", Types{i32}, Types{i32}}), `imports "kv"."get"`, "remove the import"},
		{"a typo in a host function", importing(Import{abi.ImportModule, "tenant_by_domian", Types{i32, i32, i32, i32, i32, i32}, Types{i64}}), "which ABI version 1 does not have", `did you mean "tenant_by_domain"`},
		{"a wrong signature of a host function", importing(Import{abi.ImportModule, abi.ImportQuery, Types{i32}, Types{i64}}), "imports tenantedge.query as (i32) -> i64", "expected (i32 i32 i32 i32 i32 i32 i32 i32) -> i64"},
		{"opening a file by WASI", importing(Import{wasi, "path_open", Types{i32, i32, i32, i32, i32, i64, i64, i32, i32}, Types{i32}}, failing(open...)...), "the guest called path_open of WASI", "file_open"},
		{"writing a file by WASI", importing(Import{wasi, "fd_write", Types{i32, i32, i32, i32}, Types{i32}}, failing(slices.Concat(I32(3), four[:6])...)...), "the guest called fd_write of WASI", "file_open"},
		{"a socket of WASI", importing(Import{wasi, "sock_accept", Types{i32, i32, i32}, Types{i32}}, failing(four[:6]...)...), "the guest called sock_accept of WASI", "guests have no sockets"},
	}
}

// brokenCode are modules that fail when they run.
func brokenCode() []Broken {
	const at, said = 3 << 16, "panic: no plan for tenant acme"
	log := slices.Concat(I32(8), I32(at), I32(uint32(len(said))), call0)
	saying := func(export string, body ...byte) []byte {
		g := Sound().WithData(at, said)
		g.Import = Log
		return g.With(export, body...).Wasm()
	}
	starting := Sound()
	starting.Start = unreachable
	zero := func(body []byte) []byte { return slices.Concat(body, I32(0)) }
	exiting := importing(ProcExit, slices.Concat(I32(3), call0)...)
	return []Broken{
		{"a panic in init", saying(abi.ExportInitialize, slices.Concat(log, unreachable)...), "_initialize: trap: wasm error: unreachable", fmt.Sprintf("the guest printed %q", said)},
		{"a flood of log lines and a panic in init", saying(abi.ExportInitialize, slices.Concat(bytes.Repeat(log, 2000), unreachable)...), "bytes dropped", said},
		{"a panic at a request", saying(abi.ExportRoute, slices.Concat(log, unreachable)...), "no decision on GET https://smoke.invalid/", fmt.Sprintf("the guest printed %q", said)},
		{"a panic at a cache key", saying(abi.ExportCacheKey, slices.Concat(log, unreachable)...), "te_cache_key: trap", fmt.Sprintf("the guest printed %q", said)},
		{"an exit in init", exiting, "_initialize: exit:", "expected it to return"},
		{"an endless loop in init", Sound().With(abi.ExportInitialize, endless...).Wasm(), "_initialize: fuel: expected at most 20000000000 units of fuel", "look for an endless loop"},
		{"an endless recursion in init", Sound().With(abi.ExportInitialize, 0x10, 4).Wasm(), "_initialize: depth: its stack is full", "look for an endless recursion"},
		{"a start section that traps", starting.Wasm(), "the start function: trap: wasm error: unreachable", "wasm stack trace"},
		{"a self-test that traps", Sound().With(abi.ExportSelfTest, unreachable...).Wasm(), "te_self_test: trap", "wasm stack trace"},
		{"a self-test that fails", Sound().With(abi.ExportSelfTest, I32(3)...).Wasm(), "te_self_test returned 3: expected 0", "log why before it returns"},
		{"a self-test without an end", Sound().With(abi.ExportSelfTest, zero(endless)...).Wasm(), "te_self_test: fuel: expected at most 20000000000 units of fuel", "look for an endless loop"},
		{"no buffer", Sound().With(abi.ExportBuffer, I32(0)...).Wasm(), "te_buffer returned 0 for", "return the address of a buffer"},
		{"a configured reply that is no JSON", Sound().Replies(abi.ExportConfigure, "ok").Wasm(), `te_configure replied "ok"`, "expected a JSON object, such as"},
		{"a reply outside the memory", Sound().With(abi.ExportConfigure, I64(abi.PackReply(1<<30, 8))...).Wasm(), "te_configure points at 8 bytes at 0x40000000", "inside its memory of 262144 bytes"},
		{"a decision that is no message", Sound().Replies(abi.ExportRoute, strings.Repeat("x", 20)).Wasm(), "te_route: reply: 20 bytes: abi: malformed message", "guest/abi describes the layout of messages"},
		{"no decision", Sound().With(abi.ExportRoute, I64(0)...).Wasm(), "te_route returned no reply", "address<<32 | length"},
	}
}
