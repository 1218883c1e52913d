package wasm

// PageSize is the unit of a memory's limits in bytes.
const PageSize = 1 << 16

// Memory is a linear memory, its limits in pages.
type Memory struct{ Limits Limits }

func readMemory(r *reader) Memory { return Memory{readLimits(r)} }

func (m Memory) append(dst []byte) []byte { return m.Limits.append(dst) }
