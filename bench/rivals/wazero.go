package rivals

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// plain runs the default guest in unmodified wazero, without metering, limits or
// reset.
type plain struct {
	table    *table.Table
	config   []byte
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	free     chan *instance
	fresh    bool // a new instance for each request
	closing  bool // WithCloseOnContextDone
}

// poolSize limits the idle instances. More are created on demand.
const poolSize = 64

func startPooled(ctx context.Context, t *table.Table) (Rival, error) {
	return startPlain(ctx, t, wazero.NewRuntimeConfig(), false)
}

func startClosing(ctx context.Context, t *table.Table) (Rival, error) {
	p, err := startPlain(ctx, t, wazero.NewRuntimeConfig().WithCloseOnContextDone(true), false)
	if err != nil {
		return nil, err
	}
	p.closing = true
	return p, nil
}

func startFresh(ctx context.Context, t *table.Table) (Rival, error) {
	return startPlain(ctx, t, wazero.NewRuntimeConfig(), true)
}

func startPlain(ctx context.Context, t *table.Table, config wazero.RuntimeConfig, fresh bool) (*plain, error) {
	p := &plain{table: t, runtime: wazero.NewRuntimeWithConfig(ctx, config), free: make(chan *instance, poolSize), fresh: fresh}
	err := func() (err error) {
		if p.config, err = t.GuestConfig(); err != nil {
			return err
		}
		if p.compiled, err = p.runtime.CompileModule(ctx, assets.Router); err != nil {
			return err
		}
		return hostfuncs.Instantiate(ctx, p.runtime, p.compiled)
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rivals: wazero: %w", err), p.Close())
	}
	return p, nil
}

func (p *plain) Worker() (Worker, error) { return p, nil }
func (p *plain) Close() error            { return p.runtime.Close(context.Background()) }

func (p *plain) Route(ctx context.Context, q *edge.Request) (Answer, error) {
	i, err := p.borrow(ctx)
	if err != nil {
		return Answer{}, err
	}
	a, err := i.route(ctx, q)
	if p.fresh || err != nil {
		return a, errors.Join(err, i.module.Close(ctx))
	}
	select {
	case p.free <- i:
		return a, nil
	default:
		return a, i.module.Close(ctx)
	}
}

func (p *plain) borrow(ctx context.Context) (*instance, error) {
	select {
	case i := <-p.free:
		return i, nil
	default:
		return p.newInstance(ctx)
	}
}

// instance is a configured instance of the guest.
type instance struct {
	module   api.Module
	call     hostfuncs.Call
	services services
	decide   api.Function
	buffer   uint32
	stack    [1]uint64
	watched  *watched // nil unless wazero watches the context of calls
}

// watched is the context of a call that wazero watches for cancellation. Its
// goroutine may read the context after the call has returned, so watched is
// immutable. Host functions find their Call in it.
type watched struct {
	context.Context
	call *hostfuncs.Call
}

func (w *watched) Value(key any) any {
	if v := w.call.Value(key); v != nil {
		return v
	}
	return w.Context.Value(key)
}

// context returns the context of a call. All requests share it, which favours
// wazero: in a server each request has a context of its own.
func (i *instance) context(ctx context.Context) context.Context {
	if i.watched == nil {
		return &i.call
	}
	if i.watched.Context != ctx {
		i.watched = &watched{ctx, &i.call}
	}
	return i.watched
}

func (p *plain) newInstance(ctx context.Context) (*instance, error) {
	i := &instance{services: services{directory: p.table.Directory}}
	i.call.Services = &i.services
	i.call.Begin(context.Background()) // a watcher may read it after the call
	defer i.call.End()
	var err error
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize)
	if i.module, err = p.runtime.InstantiateModule(&i.call, p.compiled, config); err != nil {
		return nil, err
	}
	if err := i.configure(p.config); err != nil {
		return nil, errors.Join(fmt.Errorf("rivals: wazero: %w", err), i.module.Close(ctx))
	}
	if p.closing {
		i.watched = &watched{context.Background(), &i.call}
	}
	return i, nil
}

func (i *instance) configure(config []byte) error {
	buffer, configure := i.module.ExportedFunction(abi.ExportBuffer), i.module.ExportedFunction(abi.ExportConfigure)
	i.decide = i.module.ExportedFunction(abi.ExportRoute)
	room := func(size int) error {
		at, err := buffer.Call(&i.call, uint64(size))
		if err == nil {
			i.buffer = uint32(at[0])
		}
		return err
	}
	if err := room(len(config)); err != nil {
		return err
	}
	i.module.Memory().Write(i.buffer, config)
	if _, err := configure.Call(&i.call, uint64(len(config))); err != nil {
		return err
	}
	return room(abi.BufferSize)
}

func (i *instance) route(ctx context.Context, q *edge.Request) (Answer, error) {
	i.call.Begin(ctx)
	defer i.call.End()
	buf, _ := i.module.Memory().Read(i.buffer, abi.BufferSize)
	i.stack[0] = uint64(encode(buf, q))
	if err := i.decide.CallWithStack(i.context(ctx), i.stack[:]); err != nil {
		return Answer{}, err
	}
	reply, ok := i.module.Memory().Read(abi.UnpackReply(i.stack[0]))
	if !ok {
		return Answer{}, errors.New("rivals: wazero: expected the decision within the guest's memory")
	}
	return decode(reply, q, &i.services)
}
