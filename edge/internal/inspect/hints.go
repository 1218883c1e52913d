package inspect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/suggest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

func (in *inspector) hint(format string, args ...any) {
	in.Hints = append(in.Hints, fmt.Sprintf(format, args...))
}

// maxAdvised is the number of imports about which there are hints.
const maxAdvised = 5

func (in *inspector) hints() {
	if slices.Contains(in.debug, "linking") {
		in.hint("it is an object file, which is not linked yet: link it with wasm-ld")
		return
	}
	exports := map[string]bool{}
	for _, e := range in.Exports {
		exports[e.Name] = true
	}
	if exports["_start"] && !exports[abi.ExportInitialize] {
		in.hint("it exports _start and not _initialize, so it is a command, which the host does not run: %s", asLibrary(in.Toolchain.Language))
	}
	in.hintExports()
	in.hintImports()
	if in.Memory != nil && !in.Memory.Exported {
		in.hint("it does not export its memory: export it as %q (wasm-ld: --export-memory; AssemblyScript: no --noExportMemory)", abi.ExportMemory)
	}
	if in.debugSize > 0 {
		in.hint("%d bytes are sections for debuggers, which the host drops (%s): %s", in.debugSize, shortList(in.debug), strip(in.Toolchain.Language))
	}
	if in.names == nil && in.m.Code.Len() > 0 {
		in.hint("it has no names of functions, so traps show numbers: %s", keepNames(in.Toolchain.Language))
	}
}

// hintExports hints at names that start like those of the contract.
func (in *inspector) hintExports() {
	var names []string
	for _, m := range in.Missing {
		names = append(names, m.Name)
	}
	for _, e := range in.Exports {
		if e.About != "" || !strings.HasPrefix(e.Name, "te_") {
			continue
		}
		if near := suggest.Nearest(e.Name, names); near != "" {
			in.hint("the contract has no export %q: rename it to %s", e.Name, near)
		} else {
			in.hint("the contract has no export %q, and the host does not call it", e.Name)
		}
	}
}

// hintImports explains imports that the host does not provide.
func (in *inspector) hintImports() {
	advised := map[string]bool{}
	for _, i := range in.Imports {
		if i.About != "" || len(advised) >= maxAdvised {
			continue
		}
		advice := hostfuncs.Advice(i.Module, i.Name)
		switch {
		case i.Module == abi.ImportModule:
			advice = "build it against this version's guest/abi"
			if near := suggest.Nearest(i.Name, hostfuncs.Names(abi.ImportModule)); near != "" {
				advice = "did you mean " + near + "?"
			}
		case i.Kind == "memory":
			advice = "define and export the memory (wasm-ld: no --import-memory; AssemblyScript: no --importMemory)"
		case i.Kind == "table":
			advice = "define the table (wasm-ld: no --import-table; AssemblyScript: no --importTable)"
		}
		if !advised[advice] {
			in.hint("the host does not provide %s.%s: %s", i.Module, i.Name, advice)
			advised[advice] = true
		}
	}
}

func shortList(names []string) string {
	const shown = 4
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}

// asLibrary returns how a language builds a module without _start.
func asLibrary(language string) string {
	switch language {
	case "go":
		return "build with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared"
	case "tinygo":
		return "build with tinygo build -target=wasip1 -buildmode=c-shared"
	case "rust":
		return `build a library: crate-type = ["cdylib"] in [lib] of Cargo.toml`
	case "c":
		return "link with -mexec-model=reactor, or with -nostartfiles -Wl,--no-entry"
	case "zig":
		return "set entry = .disabled and rdynamic = true in build.zig"
	}
	return "build a library or reactor, not a program"
}

// strip returns how a language removes sections for debuggers.
func strip(language string) string {
	switch language {
	case "rust":
		return `set strip = "debuginfo" in [profile.release] of Cargo.toml`
	case "c":
		return "link with -Wl,--strip-debug, or compile without -g"
	case "tinygo":
		return "build with -no-debug"
	case "zig":
		return "build with -fstrip"
	case "assemblyscript":
		return "compile without --sourceMap and --debug"
	}
	return "remove them with wasm-tools strip"
}

// keepNames returns how a language keeps names of functions.
func keepNames(language string) string {
	switch language {
	case "go":
		return "build without -ldflags=-s"
	case "rust":
		return `set strip = "debuginfo" instead of true in [profile.release] of Cargo.toml`
	case "c":
		return "link without -s and -Wl,--strip-all"
	case "assemblyscript":
		return "compile with --debug"
	}
	return "build without stripping all symbols"
}
