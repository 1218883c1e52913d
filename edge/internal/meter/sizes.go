package meter

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// Limits of what a module declares besides its memory. It takes memory of the host, in
// the compiled form and in each instance, and time for each instantiation.
// Toolchains emit one table, with an element for each function whose address is
// taken, and some tens of globals.
const (
	maxTables   = 100
	maxElements = 1 << 18 // of all tables (8 bytes each), and of all element segments (about 170)
	maxGlobals  = 10_000
	// maxMutable is the maximum number of mutable globals. Restoring one takes 12 ns,
	// for which no fuel is charged.
	maxMutable = 1000
	// maxPassive is the maximum size of a passive data segment, in bytes. memory.init
	// copies one at once, and cannot be stopped. Toolchains emit them only for threads.
	maxPassive = part
)

// refuseSize refuses a guest that exceeds these limits.
func refuseSize(m *wasm.Module) error {
	mutable, elements, initial := 0, uint64(0), 0
	for _, g := range m.Globals.All() {
		if g.Mutable {
			mutable++
		}
	}
	for _, t := range m.Tables.All() {
		elements += uint64(t.Limits.Min)
	}
	for _, e := range m.Elements.All() {
		initial += len(e.Funcs) + len(e.Exprs)
	}
	for i, d := range m.Data.All() {
		if d.Mode == wasm.Passive && len(d.Bytes) > maxPassive {
			return refuse(fmt.Sprintf("passive data segments of at most %d bytes (make it active, or several)", maxPassive), "%d in segment %d", len(d.Bytes), i)
		}
	}
	switch {
	case m.Globals.Len() > maxGlobals:
		return refuse(fmt.Sprintf("at most %d globals", maxGlobals), "%d", m.Globals.Len())
	case mutable > maxMutable:
		return refuse(fmt.Sprintf("at most %d mutable globals, since each is restored after every call (keep state in memory)", maxMutable), "%d", mutable)
	case m.Tables.Len() > maxTables:
		return refuse(fmt.Sprintf("at most %d tables", maxTables), "%d", m.Tables.Len())
	case elements > maxElements:
		return refuse(fmt.Sprintf("tables of at most %d elements together (declare as many as functions whose address is taken)", maxElements), "%d", elements)
	case initial > maxElements:
		return refuse(fmt.Sprintf("element segments of at most %d elements together", maxElements), "%d", initial)
	}
	return nil
}
