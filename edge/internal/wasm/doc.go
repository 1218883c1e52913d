// Package wasm reads and writes WebAssembly modules in the binary format of
// core Wasm 2.0 (https://www.w3.org/TR/wasm-core-2/, chapter 5). It is made for
// rewriting: unchanged parts are written back byte for byte, and function
// bodies are walked instruction by instruction without building a tree.
//
//	m, err := wasm.Decode(b)
//	if err != nil {
//		return err // a *wasm.Error: section, offset, what was expected and found
//	}
//	m.Exports.Add(wasm.Export{Name: "counter", Kind: wasm.KindGlobal, Index: 3})
//	b = m.Encode()
//
// Modules are untrusted. Decode checks a count against the remaining bytes before
// it allocates, and against the limits that browsers have agreed on. No input
// makes this package panic.
//
// Decode checks only the binary layout. That indices are in range and operands
// have the right types is checked by the engine that compiles the module. A
// rewriter that adds indices must check the existing ones first.
//
// Proposals after core 2.0 (threads, tail calls, exceptions, memory64, multiple
// memories, garbage collection, extended constants, relaxed SIMD) are rejected with
// an error that matches ErrUnsupported. SIMD instructions are supported.
package wasm
