//go:build cgo && (linux || darwin) && (amd64 || arm64)

package rivals

import (
	"context"
	"errors"
	"fmt"

	"github.com/bytecodealliance/wasmtime-go/v39"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

const wasmtimeModule = "github.com/bytecodealliance/wasmtime-go/v39"

func wasmtimeEntries() []Entry {
	return []Entry{
		{Name: "wasmtime-pooled", Title: "wasmtime-go, pooled instances", Module: wasmtimeModule, Start: startWasmtime(false)},
		{Name: "wasmtime-fresh", Title: "wasmtime-go, a new instance per request", Module: wasmtimeModule, Start: startWasmtime(true)},
	}
}

// wasmtimeRival runs the default guest in wasmtime through cgo.
type wasmtimeRival struct {
	table  *table.Table
	config []byte
	engine *wasmtime.Engine
	module *wasmtime.Module
	fresh  bool
}

func startWasmtime(fresh bool) func(context.Context, *table.Table) (Rival, error) {
	return func(_ context.Context, t *table.Table) (Rival, error) {
		config, err := t.GuestConfig()
		if err != nil {
			return nil, err
		}
		engine := wasmtime.NewEngine()
		module, err := wasmtime.NewModule(engine, assets.Router)
		if err != nil {
			return nil, fmt.Errorf("rivals: wasmtime: %w", err)
		}
		return &wasmtimeRival{t, config, engine, module, fresh}, nil
	}
}

func (r *wasmtimeRival) Close() error {
	r.module.Close()
	r.engine.Close()
	return nil
}

func (r *wasmtimeRival) Worker() (Worker, error) {
	if r.fresh {
		return freshWasmtime{r}, nil
	}
	return r.instance()
}

type freshWasmtime struct{ *wasmtimeRival }

func (f freshWasmtime) Route(ctx context.Context, q *edge.Request) (Answer, error) {
	w, err := f.instance()
	if err != nil {
		return Answer{}, err
	}
	defer w.store.Close()
	return w.Route(ctx, q)
}

// wasmtimeWorker is one instance. A store belongs to one goroutine, so each
// worker has its own and there is no pool, which favours this rival.
type wasmtimeWorker struct {
	store    *wasmtime.Store
	memory   *wasmtime.Memory
	decide   *wasmtime.Func
	buffer   int32
	services services
}

func (r *wasmtimeRival) instance() (*wasmtimeWorker, error) {
	w := &wasmtimeWorker{store: wasmtime.NewStore(r.engine), services: services{directory: r.table.Directory}}
	w.store.SetWasi(wasmtime.NewWasiConfig())
	linker := wasmtime.NewLinker(r.engine)
	defer linker.Close()
	if err := errors.Join(linker.DefineWasi(), w.define(linker)); err != nil {
		return nil, fmt.Errorf("rivals: wasmtime: %w", err)
	}
	instance, err := linker.Instantiate(w.store, r.module)
	if err != nil {
		return nil, fmt.Errorf("rivals: wasmtime: %w", err)
	}
	w.memory = instance.GetExport(w.store, abi.ExportMemory).Memory()
	w.decide = instance.GetFunc(w.store, abi.ExportRoute)
	if _, err := instance.GetFunc(w.store, abi.ExportInitialize).Call(w.store); err != nil {
		return nil, fmt.Errorf("rivals: wasmtime: %w", err)
	}
	buffer, configure := instance.GetFunc(w.store, abi.ExportBuffer), instance.GetFunc(w.store, abi.ExportConfigure)
	for _, step := range []func() error{
		func() error { return w.room(buffer, len(r.config)) },
		func() error {
			copy(w.memory.UnsafeData(w.store)[w.buffer:], r.config)
			_, err := configure.Call(w.store, int32(len(r.config)))
			return err
		},
		func() error { return w.room(buffer, abi.BufferSize) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("rivals: wasmtime: %w", err)
		}
	}
	return w, nil
}

func (w *wasmtimeWorker) room(buffer *wasmtime.Func, size int) error {
	at, err := buffer.Call(w.store, int32(size))
	if err == nil {
		w.buffer = at.(int32)
	}
	return err
}

// define defines the host functions. Those that routing by domain does not call
// return abi.Unavailable.
func (w *wasmtimeWorker) define(l *wasmtime.Linker) error {
	const no = -int64(abi.Unavailable)
	var errs []error
	for name, f := range map[string]any{
		abi.ImportTenantByDomain: func(domain, n, folder, m, out, limit int32) int64 {
			b := w.memory.UnsafeData(w.store)
			size, ok := w.services.ByDomain(view(b[domain:][:n]), view(b[folder:][:m]), b[out:][:limit])
			if !ok {
				return -int64(abi.NotFound)
			}
			return int64(size)
		},
		abi.ImportTenantByReference: func(_, _, _, _ int32) int64 { return no },
		abi.ImportPrimaryDomain:     func(_, _, _, _ int32) int64 { return no },
		abi.ImportQuery:             func(_, _, _, _, _, _, _, _ int32) int64 { return no },
		abi.ImportLog:               func(_, _, _ int32) {},
		abi.ImportClock:             func() int64 { return 0 },
		abi.ImportRandom:            func(_, _ int32) int32 { return int32(abi.Unavailable) },
	} {
		errs = append(errs, l.DefineFunc(w.store, abi.ImportModule, name, f))
	}
	return errors.Join(errs...)
}

func (w *wasmtimeWorker) Route(_ context.Context, q *edge.Request) (Answer, error) {
	size := encode(w.memory.UnsafeData(w.store)[w.buffer:][:abi.BufferSize], q)
	packed, err := w.decide.Call(w.store, int32(size))
	if err != nil {
		return Answer{}, err
	}
	addr, length := abi.UnpackReply(uint64(packed.(int64)))
	memory := w.memory.UnsafeData(w.store)
	if uint64(addr)+uint64(length) > uint64(len(memory)) {
		return Answer{}, fmt.Errorf("rivals: wasmtime: expected the decision within %d bytes of memory, found %d bytes at %d", len(memory), length, addr)
	}
	return decode(memory[addr:][:length], q, &w.services)
}
