package wasm

// proposal is a proposal after core Wasm 2.0, by the name that errors give it.
type proposal string

const (
	threads        proposal = "threads"
	memory64       proposal = "memory64"
	multiMemory    proposal = "multiple memories"
	exceptions     proposal = "exception handling"
	tailCalls      proposal = "tail calls"
	functionRefs   proposal = "typed function references"
	gc             proposal = "garbage collection or exceptions"
	extendedConst  proposal = "extended constants"
	relaxedSIMD    proposal = "relaxed SIMD"
	wideArithmetic proposal = "wide arithmetic"
	later          proposal = "a later proposal"
)

// remedy returns how toolchains build without the proposal.
func (p proposal) remedy() string {
	switch p {
	case threads:
		return "build without threads (clang: no -pthread and no --shared-memory; Rust: no target feature atomics; AssemblyScript: no --enable threads)"
	case memory64:
		return "build for 32-bit memory (clang, Rust, Zig: the target wasm32, not wasm64)"
	case multiMemory:
		return "build a module with one memory (wasm-ld makes one; wasm-opt: no --enable-multimemory)"
	case exceptions:
		return "build without exceptions (clang: -fno-exceptions and no -fwasm-exceptions; Rust: panic=abort; TinyGo and AssemblyScript: the default)"
	case tailCalls:
		return "build without tail calls (clang: -mno-tail-call; Rust: -C target-feature=-tail-call)"
	case functionRefs, gc:
		return "use a language that compiles to linear memory (Go, Rust, AssemblyScript, C, Zig); Kotlin, Dart, Java and Scheme compilers need this feature"
	case extendedConst:
		return "build without it (clang: -mno-extended-const; Rust: -C target-feature=-extended-const), and link statically"
	case relaxedSIMD:
		return "build without it (clang: -mno-relaxed-simd; Rust: -C target-feature=-relaxed-simd); other SIMD instructions are accepted"
	case wideArithmetic:
		return "build without it (clang: -mno-wide-arithmetic; Rust: -C target-feature=-wide-arithmetic)"
	}
	return "build for core WebAssembly 2.0"
}

// proposalOf returns the proposal that an unsupported opcode of one byte belongs to,
// or the empty string.
func proposalOf(op Opcode) proposal {
	switch {
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return exceptions
	case op == 0x12, op == 0x13, op == 0x15:
		return tailCalls
	case op == 0x14, op >= 0xd3 && op <= 0xd6:
		return functionRefs
	case op == prefixGC:
		return gc
	case op == prefixAtomic:
		return threads
	}
	return ""
}

// proposalOfMisc returns the proposal of opcode n after 0xfc.
func proposalOfMisc(n uint32) proposal {
	if n >= 0x13 && n <= 0x16 {
		return wideArithmetic
	}
	return later
}

// proposalOfSIMD returns the proposal of an opcode after 0xfd, by its second byte.
func proposalOfSIMD(high byte) proposal {
	if high == 2 {
		return relaxedSIMD
	}
	return later
}
