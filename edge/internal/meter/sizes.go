package meter

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// What a module declares beside its memory takes the host's memory too, in the
// compiled form and in each instance, and time whenever an instance is made.
// Toolchains make one table, with an element for each function whose address is
// taken, and some tens of globals.
const (
	maxTables   = 100
	maxElements = 1 << 18 // of all tables, and of all element segments: 8 and about 170 bytes each
	maxGlobals  = 10_000
	// maxMutable is the most mutable globals. To put one back takes 12 ns, which
	// no fuel is charged for; toolchains make some tens.
	maxMutable = 1000
	// maxPassive is the size of a passive data segment in bytes. memory.init copies
	// one at once, and nothing stops it in between. Toolchains make them for
	// threads alone.
	maxPassive = part
)

// refuseSize refuses a guest that declares more than that.
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
		return refuse(fmt.Sprintf("at most %d mutable globals, since each is put back after every call (keep state in memory)", maxMutable), "%d", mutable)
	case m.Tables.Len() > maxTables:
		return refuse(fmt.Sprintf("at most %d tables", maxTables), "%d", m.Tables.Len())
	case elements > maxElements:
		return refuse(fmt.Sprintf("tables of at most %d elements together", maxElements), "%d", elements)
	case initial > maxElements:
		return refuse(fmt.Sprintf("element segments of at most %d elements together", maxElements), "%d", initial)
	}
	return nil
}
