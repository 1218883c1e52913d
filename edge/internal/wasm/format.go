package wasm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// format is a kind of file that is passed as a module by mistake.
type format struct {
	start         string // the first bytes
	found, remedy string
}

const native = "build for WebAssembly (Go: GOOS=wasip1 GOARCH=wasm; Rust: --target wasm32-unknown-unknown; clang: --target=wasm32)"

var formats = []format{
	{header[:4] + "\x0d\x00\x01\x00", "a component (component model)", "build a core module (Rust: the target wasm32-unknown-unknown or wasm32-wasip1, not wasm32-wasip2; TinyGo: -target=wasip1; no wit-bindgen)"},
	{"\x7fELF", "an ELF file, which is native code", native},
	{"\xcf\xfa\xed\xfe", "a Mach-O file, which is native code", native},
	{"\xca\xfe\xba\xbe", "a Mach-O file, which is native code", native},
	{"MZ", "a Windows executable, which is native code", native},
	{"!<arch>\n", "a static library", "link a module (Go: -buildmode=c-shared; Rust: crate-type cdylib; C: link the objects with wasm-ld)"},
	{"BC\xc0\xde", "LLVM bitcode", "link a module with wasm-ld, without -emit-llvm"},
	{"\x1f\x8b", "a gzip file", "decompress it with gunzip"},
	{"\x28\xb5\x2f\xfd", "a Zstandard file", "decompress it with unzstd"},
	{"\xfd7zXZ", "an xz file", "decompress it with unxz"},
	{"PK\x03\x04", "a zip archive", "unpack it"},
	{"version https://git-lfs", "a pointer of Git LFS", "get the file with git lfs pull"},
	{"#!", "a script", "pass the module that the build writes"},
	{"<", "HTML or XML, perhaps the error page of a download", "download the module again"},
}

// NotModule returns empty strings for a file that begins as a module does. For any
// other it describes what the file is, and what to do.
func NotModule(b []byte) (found, remedy string) {
	if bytes.HasPrefix(b, []byte(header)) {
		return "", ""
	}
	if len(b) == 0 {
		return "an empty file", "check that the build wrote its output"
	}
	for _, f := range formats {
		if bytes.HasPrefix(b, []byte(f.start)) {
			return f.found, f.remedy
		}
	}
	if len(b) < len(header) && header[:len(b)] == string(b) {
		return fmt.Sprintf("%d bytes", len(b)), truncated
	}
	if len(b) >= len(header) && string(b[:4]) == header[:4] {
		return fmt.Sprintf("version %d", binary.LittleEndian.Uint32(b[4:])), "build a module of version 1"
	}
	start := b[:min(len(b), 4096)]
	text := bytes.TrimLeft(start, " \t\r\n\ufeff")
	if bytes.HasPrefix(text, []byte("(module")) || bytes.HasPrefix(text, []byte(";;")) || bytes.HasPrefix(text, []byte("(;")) {
		return "WebAssembly text", "translate it with wat2wasm"
	}
	if valid := bytes.ToValidUTF8(start, nil); len(start)-len(valid) < utf8.UTFMax && bytes.IndexByte(valid, 0) < 0 {
		return fmt.Sprintf("text that begins with %.40q", start), "pass the module that the build writes"
	}
	return fmt.Sprintf("other bytes, % x", b[:min(len(b), 4)]), "pass the module that the build writes"
}

const truncated = "the file is truncated: copy, download or build it again"
