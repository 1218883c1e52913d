// Package meter rewrites a guest so that it counts its own work, and stops when the
// host does not grant more: no guest can loop, recurse or use memory beyond its
// limits, and the same call of the same guest costs the same fuel on every machine.
// FUEL.md defines the unit; RATIONALE.md explains the design.
//
//	r, err := meter.Instrument(guest, meter.Options{})
//	…
//	rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
//		WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
//			stack[0] = min(stack[0]+meter.DefaultSlice, budget) // in: fuel used; out: new limit
//		}), []api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).
//		Export(meter.ImportRefill)
//	mod, err := rt.Instantiate(ctx, r.Wasm)
//	fuel := mod.ExportedGlobal(meter.ExportFuel).(api.MutableGlobal)
//
// # How a metered guest runs
//
// The guest adds the weight of the code that it enters to the global ExportFuel, and
// compares it with ExportLimit at loop headers, at function entries and before
// operations on much memory. When fuel has reached the limit, it calls the import
// ImportRefill with the fuel used; the host returns the new limit. If that is not
// above the fuel used, the guest traps (unreachable). So the host grants fuel in
// slices, checks deadlines and cancellation at each, and never interrupts the guest:
//
//   - Both globals start at zero: without a host that grants fuel, nothing runs.
//   - Before a call the host sets fuel and depth to zero and limit to the first
//     slice; after it, fuel is the cost of the call, even if it trapped.
//   - Where a guest is stopped depends only on the budget, not on the size of
//     slices.
//   - Host functions may set the limit to zero at any time: the guest only reads
//     it, and the next check calls the host.
//
// ExportDepth counts the frames of the stack. A trap does not reset it. A value above
// Options.MaxDepth means that the guest was stopped for its depth.
//
// With Options.Track the guest marks the memory that it writes, so that a reset copies
// only that. Marking costs no fuel.
//
// Every mutable global of the guest is exported, under the names in Result.Globals.
// They and the memory are all the state of a guest, and restoring both resets it.
// With Options.Keep, calls that return restore the globals themselves. Guests with
// other state (tables that change, segments that are dropped, imported memory) are
// refused.
package meter
