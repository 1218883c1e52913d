package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Instance is one instantiation of a program. It serves one call at a time.
type Instance struct {
	grant
	program   *Program
	call      hostfuncs.Call
	memory    *pristine.Memory
	marker    api.Module // marks what the guest writes
	module    api.Module
	functions [exportCount]api.Function
	buffer    uint32 // address of abi.BufferSize bytes
	stack     [1]uint64

	fuel, limit, depth api.MutableGlobal
	low, high          api.Global          // the range that the guest has written and not marked
	ready              uint64              // the value of limit if depth is zero; 0: unknown
	globals            []api.MutableGlobal // except those of the meter
	restoresGlobals    bool                // the guest restores its globals after a call that succeeds
	enlarged           bool                // but not after this call, which asked for a larger buffer

	calls  int  // since the last audit
	dirty  bool // a call began and its changes were not undone
	retire stats.Retirement
	used   usage  // not yet added to the program's totals
	slot   *slot  // where it was last idle; nil: not in a slot yet
	round  uint32 // pool.round when it was last used
}

// usage is what calls used.
type usage struct {
	calls, fuel, restored uint64
	trap                  stats.Trap // of the last call that failed

	callNanos, callFuel distribution
}

// instantiate makes an instance with the given memory. It runs no code of the
// guest.
func (p *Program) instantiate(ctx context.Context, memory *pristine.Memory, s hostfuncs.Services) (*Instance, error) {
	i := &Instance{program: p, memory: memory}
	i.call = hostfuncs.Call{Services: s, Watch: i, FixedTime: p.options.FixedTime}
	// Without a name, a runtime can have any number of instances.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	var err error
	if i.marker, err = p.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, memory.Marks()), p.marker, config); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: instantiation: %w", ErrTrap, err), memory.Close())
	}
	ctx = experimental.WithImportResolver(ctx, func(name string) api.Module {
		if name == meter.MarkModule {
			return i.marker
		}
		return nil
	})
	if i.module, err = p.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, memory), p.compiled, config); err != nil {
		memory.Free()
		return nil, errors.Join(fmt.Errorf("%w: instantiation: %w", ErrTrap, err), i.marker.Close(ctx), memory.Close())
	}
	p.lookUp(i)
	return i, nil
}

// lookUp looks up the instance's exports. Each function handle has its own
// stack, so they are kept.
func (p *Program) lookUp(i *Instance) {
	// While the image is built, and without reset, globals are not restored.
	i.restoresGlobals = p.image != nil && !p.options.NoReset && i.module.ExportedFunction(meter.ExportKept+exportSpecs[Route].name) != nil
	for e := range exportCount {
		switch {
		case !p.exports[e]:
		case i.restoresGlobals && e >= Route:
			i.functions[e] = i.module.ExportedFunction(meter.ExportKept + exportSpecs[e].name)
		default:
			i.functions[e] = i.module.ExportedFunction(exportSpecs[e].name)
		}
	}
	global := func(name string) api.MutableGlobal {
		g, _ := i.module.ExportedGlobal(name).(api.MutableGlobal) // the meter exports it
		return g
	}
	i.fuel, i.limit, i.depth = global(meter.ExportFuel), global(meter.ExportLimit), global(meter.ExportDepth)
	i.low, i.high = global(meter.ExportLow), global(meter.ExportHigh)
	for _, g := range p.metered.Globals[3:] {
		i.globals = append(i.globals, global(g.Name))
	}
}

// newInstance makes an instance from the program's image.
func (p *Program) newInstance(ctx context.Context) (*Instance, error) {
	memory, err := p.image.NewMemory(p.maxMemory())
	if err != nil {
		return nil, err
	}
	i, err := p.instantiate(ctx, memory, p.options.Bind())
	if err != nil {
		return nil, err
	}
	i.buffer, i.call.Slept = p.buffer, p.slept
	memory.Bind(i.module.Memory())
	i.restore()
	return i, nil
}

// Services returns the result of Options.Bind for this instance.
func (i *Instance) Services() hostfuncs.Services { return i.call.Services }

// SetTape sets the tape of the next calls; nil: none.
func (i *Instance) SetTape(t hostfuncs.Tape) { i.call.Tape = t }

// Fuel returns the fuel that the last call used, also if it failed.
func (i *Instance) Fuel() uint64 { return i.fuel.Get() }

// Call calls an export. write writes the request into a buffer of
// abi.BufferSize bytes and returns its size, or a negative number if the
// request does not fit (ErrTooLarge). It writes nothing after that size, since
// only the request is reset. If the number is the negated size of a
// websocket event, Call calls write again with a larger buffer, if the guest
// provides one. read gets the reply. Both are views of the guest's memory,
// which is reset to the image before Call returns, so read must copy what it
// keeps. A failure of the guest is a *Trap; the instance is reset after it too.
//
// write and read do not escape, so closures need no allocation.
func (i *Instance) Call(ctx context.Context, e Export, write func([]byte) int, read func(abi.Message) error) error {
	cost := i.costOf(ctx)
	began := i.startTiming(cost != nil)
	i.call.Begin(ctx)
	defer i.call.End()
	i.begin(i.program.limits.Fuel, i.program.limits.Deadline)
	i.dirty = true
	var err error
	if i.program.options.NoReset {
		err = i.exchange(e, write, read)
		i.count(err, pristine.ResetReport{}, began, cost)
		if i.used.trap == "" {
			i.dirty = false
		}
		return err
	}
	err = i.exchange(e, write, read)
	if err != nil || !i.restoresGlobals || i.enlarged {
		i.restore()
		i.enlarged = false
	}
	report, resetErr := i.memory.Reset()
	i.count(err, report, began, cost)
	i.dirty = false
	i.judge(report, resetErr)
	return err
}

// exchange is the part of a call whose changes to memory are undone.
func (i *Instance) exchange(e Export, write func([]byte) int, read func(abi.Message) error) error {
	buf, ok := i.module.Memory().Read(i.buffer, abi.BufferSize)
	if !ok {
		return i.outside(buffer, i.buffer, abi.BufferSize)
	}
	size := write(buf)
	i.memory.Mark(i.buffer, uint32(min(uint(size), abi.BufferSize))) // all of it if size is negative
	if size < 0 {
		var err error
		if size, err = i.enlarge(e, write, -size); err != nil {
			return err
		}
	}
	reply, err := i.run(e, uint64(size))
	if err != nil {
		return err
	}
	m, err := exportSpecs[e].bounds.Parse(reply, size)
	if err != nil {
		return badReply(e, "%d bytes: %w; guest/abi describes the layout of messages", len(reply), err)
	}
	return read(m)
}

// enlarge asks the guest for a buffer of a message's size. It is valid for this
// call only, since the memory is reset afterwards.
func (i *Instance) enlarge(e Export, write func([]byte) int, need int) (size int, err error) {
	// Without reset the guest would keep using this buffer.
	if e < SocketOpen || i.program.options.NoReset || need <= abi.BufferSize || int64(need) > i.program.limits.Memory {
		return 0, ErrTooLarge
	}
	i.enlarged = true
	i.extend(need)
	addr, err := i.enter(buffer, uint64(need))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if uint32(addr) == 0 {
		return 0, ErrTooLarge
	}
	buf, ok := i.module.Memory().Read(uint32(addr), uint32(need))
	if !ok {
		return 0, i.outside(buffer, uint32(addr), uint32(need))
	}
	size = write(buf)
	i.memory.Mark(uint32(addr), uint32(min(uint(size), uint(need))))
	if size < 0 {
		return 0, ErrTooLarge
	}
	return size, nil
}

// restore restores the guest's globals, which are state like its memory. Before, it marks
// what the guest has written without marking it.
func (i *Instance) restore() {
	if low, high := uint32(i.low.Get()), uint32(i.high.Get()); low < high {
		i.memory.Mark(low, high-low)
	}
	for n, g := range i.globals {
		g.Set(i.program.globals[n])
	}
}

// costOf returns where to add what a call costs, or nil.
func (i *Instance) costOf(ctx context.Context) *stats.Cost {
	if of := i.program.options.Cost; of != nil {
		return of(ctx)
	}
	return nil
}

// count counts a call for which startTiming returned began, and adds it to cost, which
// may be nil.
func (i *Instance) count(err error, r pristine.ResetReport, began time.Duration, cost *stats.Cost) {
	fuel := i.fuel.Get()
	if began > 0 {
		took := time.Since(epoch) - began
		if i.sampled() {
			i.used.callNanos.add(uint64(took), &timeBounds)
		}
		if cost != nil {
			cost.Add(fuel, i.call.HostCalls(), took)
		}
	}
	i.calls++
	i.used.calls++
	i.used.fuel += fuel
	i.used.callFuel.add(fuel, &fuelBounds)
	i.used.restored += uint64(r.Bytes)
	if err == nil {
		return
	}
	i.call.Fail()
	var t *Trap
	if errors.As(err, &t) {
		i.used.trap = t.Reason
		t.Fuel, t.Printed = i.fuel.Get(), i.call.Printed()
		if denied := i.call.Denied(); denied != "" {
			t.Err = fmt.Errorf("%w; %s", t.Err, denied)
		}
	}
	if i.used.trap == stats.TrapDepth {
		// The old handles keep the stacks that they have grown.
		i.globals = i.globals[:0]
		i.program.lookUp(i)
	}
}

// judge decides whether the instance must be retired.
func (i *Instance) judge(r pristine.ResetReport, err error) {
	switch {
	case err != nil:
		i.retire = stats.RetiredReset
		i.program.options.Logger.Error("resetting a guest's memory failed; the instance is closed", "guest", i.program.short(), "error", err)
	case r.Retire == pristine.TooMuch:
		i.retire = stats.RetiredWritten
	case r.Retire != pristine.Keep:
		i.retire = stats.RetiredGrowth
	}
}

// run calls an export that returns a packed address and length.
func (i *Instance) run(e Export, size uint64) ([]byte, error) {
	packed, err := i.enter(e, size)
	if err != nil {
		return nil, err
	}
	addr, length := abi.UnpackReply(packed)
	if packed == 0 {
		return nil, badReply(e, "%s returned no reply: return address<<32 | length of one", exportSpecs[e].name)
	}
	reply, ok := i.module.Memory().Read(addr, length)
	if !ok {
		return nil, i.outside(e, addr, length)
	}
	return reply, nil
}

// enter is the only place where the host calls the guest for a request.
func (i *Instance) enter(e Export, arg uint64) (uint64, error) {
	i.stack[0] = arg
	if err := i.functions[e].CallWithStack(&i.call, i.stack[:]); err != nil {
		i.ready = 0
		return 0, i.trapped(exportSpecs[e].name, err)
	}
	return i.stack[0], nil
}

func (i *Instance) outside(e Export, addr, length uint32) error {
	do := "return address<<32 | length of a reply"
	if e == buffer {
		do = "get more memory by memory.grow, or declare a larger initial memory"
	}
	return badReply(e, "%s points at %d bytes at %#x: expected an address inside its memory of %d bytes; %[5]s",
		exportSpecs[e].name, length, addr, i.module.Memory().Size(), do)
}

// Audit compares everything that a guest can change with the image. The
// instance must be borrowed and not in a call.
func (i *Instance) Audit() error {
	for n, g := range i.globals {
		if g.Get() != i.program.globals[n] {
			return fmt.Errorf("%w: variable %s", pristine.ErrNotPristine, i.program.metered.Globals[3+n].Name)
		}
	}
	return i.memory.Audit()
}

func (i *Instance) close(ctx context.Context) error {
	return errors.Join(i.module.Close(ctx), i.marker.Close(ctx), i.memory.Close())
}

// auditDue reports whether an audit is due, and if so restarts the count of
// calls.
func (i *Instance) auditDue() bool {
	if i.program.options.NoReset || i.calls < i.program.limits.Audit {
		return false
	}
	i.calls = 0
	return true
}
