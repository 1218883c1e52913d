package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Instance is one instantiation of a program. It serves one call at a time.
type Instance struct {
	call      hostfuncs.Call
	module    api.Module
	functions [exportCount]api.Function
	buffer    uint32 // address of abi.BufferSize bytes
	stack     [1]uint64
	broken    bool // a call trapped: its state cannot be trusted any more
}

// ErrTrap is in the chain of every error of a call that the guest did not
// finish, or whose answer cannot be read.
var ErrTrap = errors.New("guest failed")

// instantiate makes an instance that is initialised, but not configured.
func (p *Program) instantiate(ctx context.Context) (*Instance, error) {
	i := &Instance{call: hostfuncs.Call{Services: p.options.Bind(), Frozen: true}}
	i.call.Begin(ctx)
	defer i.call.End()
	var err error
	// No name: any number of instances may live in one runtime.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize)
	if i.module, err = p.runtime.InstantiateModule(&i.call, p.compiled, config); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrTrap, abi.ExportInitialize, err)
	}
	for e, spec := range exportSpecs {
		if p.exports[e] {
			i.functions[e] = i.module.ExportedFunction(spec.name)
		}
	}
	if err := i.checkVersion(); err != nil {
		return nil, errors.Join(err, i.close(ctx))
	}
	return i, nil
}

func (i *Instance) checkVersion() error {
	found, err := i.number(version)
	if err != nil {
		return err
	}
	if found != abi.Version {
		return fmt.Errorf("%s is %d: expected %d; build it against this version's guest/abi", abi.ExportVersion, found, abi.Version)
	}
	return nil
}

// configure gives the guest its configuration, has it test itself, and asks
// for the buffer that requests go through.
func (i *Instance) configure(ctx context.Context, config []byte) (abi.Configured, error) {
	i.call.Begin(ctx)
	defer i.call.End()
	if err := i.room(len(config)); err != nil {
		return abi.Configured{}, err
	}
	if !i.module.Memory().Write(i.buffer, config) {
		return abi.Configured{}, i.outside(buffer, i.buffer, uint32(len(config)))
	}
	reply, err := i.run(configure, uint64(len(config)))
	if err != nil {
		return abi.Configured{}, err
	}
	configured, err := parseConfigured(reply)
	if err != nil {
		return configured, err
	}
	if i.functions[SelfTest] != nil {
		if code, err := i.number(SelfTest); err != nil || code != 0 {
			return configured, errors.Join(fmt.Errorf("%s returned %d: expected 0", abi.ExportSelfTest, code), err)
		}
	}
	if err := i.room(abi.BufferSize); err != nil {
		return configured, err
	}
	i.call.Frozen = false
	return configured, nil
}

// room asks the guest for a buffer of size bytes.
func (i *Instance) room(size int) error {
	addr, err := i.number(buffer, uint64(size))
	if err != nil {
		return err
	}
	if addr == 0 {
		return fmt.Errorf("%s refuses %d bytes", abi.ExportBuffer, size)
	}
	if _, ok := i.module.Memory().Read(addr, uint32(size)); !ok {
		return i.outside(buffer, addr, uint32(size))
	}
	i.buffer = addr
	return nil
}

// Buffer is a view of the instance's request buffer, abi.BufferSize bytes; it
// holds until the next Call.
func (i *Instance) Buffer() []byte {
	b, _ := i.module.Memory().Read(i.buffer, abi.BufferSize)
	return b
}

// Services is what Bind made for this instance.
func (i *Instance) Services() hostfuncs.Services { return i.call.Services }

// Call runs an export on the size bytes in the buffer. The reply is a view of
// the guest's memory, which holds until the instance is returned or called
// again. Errors have ErrTrap in their chain; after one the instance is broken.
func (i *Instance) Call(ctx context.Context, e Export, size int) (abi.Message, error) {
	i.call.Begin(ctx)
	reply, err := i.run(e, uint64(size))
	i.call.End()
	if err != nil {
		return abi.Message{}, err
	}
	m, err := abi.Parse(reply)
	if err != nil {
		i.broken = true
		return abi.Message{}, fmt.Errorf("%w: %s replied %d bytes: %w", ErrTrap, exportSpecs[e].name, len(reply), err)
	}
	return m, nil
}

// run calls an export that replies with a packed address and length.
func (i *Instance) run(e Export, size uint64) ([]byte, error) {
	packed, err := i.enter(e, size)
	if err != nil {
		return nil, err
	}
	addr, length := abi.UnpackReply(packed)
	if packed == 0 {
		i.broken = true
		return nil, fmt.Errorf("%w: %s gave no reply", ErrTrap, exportSpecs[e].name)
	}
	reply, ok := i.module.Memory().Read(addr, length)
	if !ok {
		return nil, i.outside(e, addr, length)
	}
	return reply, nil
}

// number calls an export that returns an i32.
func (i *Instance) number(e Export, args ...uint64) (uint32, error) {
	var arg uint64
	if len(args) > 0 {
		arg = args[0]
	}
	n, err := i.enter(e, arg)
	return uint32(n), err
}

// enter is the one place where the host calls into the guest.
func (i *Instance) enter(e Export, arg uint64) (uint64, error) {
	i.stack[0] = arg
	if err := i.functions[e].CallWithStack(&i.call, i.stack[:]); err != nil {
		i.broken = true
		return 0, fmt.Errorf("%w: %s: %w", ErrTrap, exportSpecs[e].name, err)
	}
	return i.stack[0], nil
}

func (i *Instance) outside(e Export, addr, length uint32) error {
	i.broken = true
	return fmt.Errorf("%w: %s points at %d bytes at %#x: expected an address inside its memory of %d bytes",
		ErrTrap, exportSpecs[e].name, length, addr, i.module.Memory().Size())
}

func (i *Instance) close(ctx context.Context) error { return i.module.Close(ctx) }
