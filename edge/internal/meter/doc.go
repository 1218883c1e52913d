// Package meter rewrites a guest so that it counts its own work, and stops
// when the host says so: no guest can loop, recurse or fill memory past what it
// is given, and the same call of the same guest costs the same fuel on every
// machine. FUEL.md says what a unit is; RATIONALE.md why the code is as it is.
//
//	r, err := meter.Instrument(guest, meter.Options{})
//	…
//	rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
//		WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
//			stack[0] = min(stack[0]+meter.DefaultSlice, budget) // used so far in, new limit out
//		}), []api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).
//		Export(meter.ImportRefill)
//	mod, err := rt.Instantiate(ctx, r.Wasm)
//	fuel := mod.ExportedGlobal(meter.ExportFuel).(api.MutableGlobal)
//
// # How a metered guest runs
//
// The guest adds to the global ExportFuel what the code that it has reached
// weighs, and compares it with ExportLimit at loop headers, at function entries
// and before operations on much memory. Once fuel has reached the limit it
// calls the import ImportRefill with the fuel used so far; what the host
// returns is the new limit. Where that is not above the fuel used, the guest
// traps (unreachable). So the host hands out fuel in slices, sees deadlines and
// cancellation at each, and never interrupts anything:
//
//   - Both globals start at zero: without a host that grants fuel nothing runs.
//   - Before a call the host sets fuel and depth to zero and limit to the first
//     slice; after it, fuel is what the call cost, also if it trapped.
//   - Where a budget ends, and so where a guest is stopped for it, depends
//     on the budget alone, not on the size of slices.
//   - The limit may be set to zero at any time, from host functions: the guest
//     only compares with it, and the next check calls the host.
//
// Recursion is counted in ExportDepth, which a trap leaves as it was. A value
// above Options.MaxDepth means that the guest was stopped for its depth.
//
// Every mutable global of the guest is exported, under the names in
// Result.Globals: with the memory they are all the state that a guest has, and
// restoring both makes it as it was. Options.Keep has calls that return restore
// the globals themselves. What would be state elsewhere (tables that
// change, segments that are dropped, imported memory) is refused.
package meter
