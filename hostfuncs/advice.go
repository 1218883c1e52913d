package hostfuncs

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Advice returns what the author of a guest can do about an import of a module that
// hosts do not provide. The module names the toolchain.
func Advice(module, name string) string {
	switch {
	case module == "env" && name == "abort":
		return "with AssemblyScript, compile with --use abort=, or define abort in the guest and name it there"
	case module == "env" && (strings.HasPrefix(name, "emscripten_") || strings.HasPrefix(name, "invoke_") || strings.HasPrefix(name, "_emscripten_") || strings.HasPrefix(name, "__syscall_")):
		return "with emscripten, link with -sSTANDALONE_WASM --no-entry, or use clang --target=wasm32"
	case module == "env":
		return "the linker found no definition of this function: link the object or library that defines it, without --allow-undefined (host functions are imported from module " + abi.ImportModule + ")"
	case strings.HasPrefix(module, "__wbindgen") || module == "wbg" || strings.HasSuffix(module, "_bg.js"):
		return "build without wasm-bindgen, whose functions only JavaScript provides (Rust: remove the crates wasm-bindgen, js-sys and web-sys, and their features in others, such as getrandom's)"
	case module == "gojs" || module == "go":
		return "build with GOOS=wasip1 and not GOOS=js (TinyGo: -target=wasip1, not -target=wasm)"
	case module == "wasi" && name == "thread-spawn":
		return "build without threads (clang, Rust: the target wasm32-wasip1, not wasm32-wasip1-threads)"
	case module == "wasi_unstable" || strings.HasPrefix(module, "wasi:"):
		return "build for WASI preview 1 (Rust: the target wasm32-wasip1; TinyGo: -target=wasip1)"
	}
	return "remove the import"
}

// wasiInstead returns why guests do not have a WASI function, and what replaces it.
func wasiInstead(name string) string {
	switch {
	case strings.HasPrefix(name, "path_"), strings.HasPrefix(name, "fd_"):
		return "guests have no file system; use the host functions for the tenant's files, such as " + abi.ImportFileOpen
	case strings.HasPrefix(name, "sock_"):
		return "guests have no sockets; use the host function " + abi.ImportQuery + " for data"
	}
	return "this host does not have it; avoid the call"
}
