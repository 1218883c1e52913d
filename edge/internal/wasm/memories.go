package wasm

// PageSize is the size of a page in bytes.
const PageSize = 1 << 16

// Memory is a linear memory. Its limits are in pages.
type Memory struct{ Limits Limits }

func readMemory(r *reader) Memory { return Memory{readLimits(r)} }

func (m Memory) append(dst []byte) []byte { return m.Limits.append(dst) }
