// Package wasm reads and writes WebAssembly modules in the binary format of
// core Wasm 2.0 (https://www.w3.org/TR/wasm-core-2/, chapter 5). It is made for
// rewriting: what is not changed is written back byte for byte, and function
// bodies are walked instruction by instruction without building a tree.
//
//	m, err := wasm.Decode(b)
//	if err != nil {
//		return err // a *wasm.Error: section, offset, what was expected and found
//	}
//	m.Exports.Add(wasm.Export{Name: "counter", Kind: wasm.KindGlobal, Index: 3})
//	b = m.Encode()
//
// Modules come from strangers. Decode takes no length on trust: a count that
// the bytes left cannot hold is refused before anything is allocated, and the
// counts that are left are held to the limits that browsers have agreed on.
// Nothing here panics on any input.
//
// What the bytes mean is checked as far as their layout goes. That indices lie
// in range and operands have the right types is for the engine that compiles
// the module; a rewriter that adds indices must check the old ones first.
//
// Proposals past core 2.0 (threads, tail calls, exceptions, memory64, several
// memories, garbage collection, extended constants, relaxed SIMD) are refused
// with an error that matches ErrUnsupported. SIMD instructions are passed on.
package wasm
