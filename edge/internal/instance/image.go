package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// buildImage runs the guest up to where its first request would come, and
// freezes it there: every instance begins, and ends each call, in that state.
// Clock and randomness are fixed meanwhile, and only sleeping moves the clock on,
// so that the image is the same everywhere, and fuel with it.
//
// A guest that traps while it is warmed up starts cold: what a trap leaves
// behind, grown memory say, is no state to start from. It is told so when it
// traps on a request.
//
// Consumers are code of the guest's author that made-up events may surprise:
// such a guest is warmed up without them first.
func (p *Program) buildImage(ctx context.Context) error {
	err := p.build(ctx, slices.Concat(warmUps, socketWarmUps))
	if errors.Is(err, errWarmUp) && p.configured.Consumer {
		err = p.build(ctx, warmUps)
	}
	if errors.Is(err, errWarmUp) {
		return p.build(ctx, nil)
	}
	return err
}

var errWarmUp = errors.New("a warm-up call failed")

func (p *Program) build(ctx context.Context, warm []warmUp) (err error) {
	memory, err := pristine.NewMemory(p.mostMemory())
	if err != nil {
		return err
	}
	services := &unserved{Services: p.options.Bind()}
	i, err := p.instantiate(ctx, memory, services)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(services.explain(err), i.close(ctx)) }()
	i.call.Frozen = true
	i.call.Begin(ctx)
	defer i.call.End()
	data, err := segments(p.options.Wasm)
	if err != nil {
		return err
	}
	if err = i.writeSegments(data); err != nil {
		return err
	}
	if err = i.start(p.metered.Start); err != nil {
		return err
	}
	if p.configured, err = i.configure(p.options.Config); err != nil {
		return err
	}
	if err = p.checkConsumer(); err != nil {
		return err
	}
	if len(warm) > 0 {
		if err = i.warmUp(warm); err != nil {
			return err
		}
	}
	p.buffer, p.slept = i.buffer, i.call.Slept
	for _, g := range i.globals {
		p.globals = append(p.globals, g.Get())
	}
	p.image, err = pristine.NewImage(memory.Bytes(), pristine.Options{})
	return err
}

// start runs what a guest runs before its first call, and checks its version.
func (i *Instance) start(section bool) error {
	for _, name := range []string{meter.ExportStart, abi.ExportInitialize} {
		f := i.module.ExportedFunction(name)
		if f == nil || name == meter.ExportStart && !section {
			continue
		}
		i.begin(setupFuel, setupDeadline)
		if err := f.CallWithStack(&i.call, nil); err != nil {
			return i.trapped(name, err)
		}
	}
	found, err := i.number(version, 0)
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
func (i *Instance) configure(config []byte) (abi.Configured, error) {
	if err := i.room(len(config)); err != nil {
		return abi.Configured{}, err
	}
	if !i.module.Memory().Write(i.buffer, config) {
		return abi.Configured{}, i.outside(buffer, i.buffer, uint32(len(config)))
	}
	i.begin(setupFuel, setupDeadline)
	reply, err := i.run(configure, uint64(len(config)))
	if err != nil {
		return abi.Configured{}, err
	}
	configured, err := parseConfigured(reply)
	if err != nil {
		return configured, err
	}
	if i.functions[SelfTest] != nil {
		if code, err := i.number(SelfTest, 0); err != nil || code != 0 {
			return configured, errors.Join(fmt.Errorf("%s returned %d: expected 0", abi.ExportSelfTest, code), err)
		}
	}
	return configured, i.room(abi.BufferSize)
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

// number calls an export that returns an i32, while the guest is set up.
func (i *Instance) number(e Export, arg uint64) (uint32, error) {
	i.begin(setupFuel, setupDeadline)
	n, err := i.enter(e, arg)
	return uint32(n), err
}

// warmUp makes calls of each kind with made-up data that is no tenant's, so
// that what a guest does only once is in the image. What they answer is of no interest.
func (i *Instance) warmUp(calls []warmUp) error {
	for range 3 {
		for _, w := range calls {
			if i.functions[w.export] == nil || w.export >= SocketOpen && !i.program.configured.Consumer {
				continue
			}
			if err := i.warm(w); err != nil {
				return err
			}
		}
	}
	return nil
}

type warmUp struct {
	export Export
	fields map[int]string
}

// warmUps stand in an order, since the image depends on it.
var warmUps = []warmUp{
	{Route, map[int]string{abi.ReqMethod: "GET", abi.ReqScheme: "https", abi.ReqHost: "warmup.invalid", abi.ReqTarget: "/a/b?c=d"}},
	{CacheKey, map[int]string{abi.KeySchema: "warmup", abi.KeyPrefix: "p", abi.KeyVersion: "1", abi.KeyKey: "k"}},
	{ReverseKey, map[int]string{abi.KeyKey: "warmup:p:1:k"}},
	{Pathname, map[int]string{abi.PathSchema: "warmup", abi.PathLocation: "/w", abi.PathBaseURL: "/w/", abi.PathName: "a.txt"}},
}

// socketWarmUps are events of one websocket.
var socketWarmUps = []warmUp{
	{SocketOpen, map[int]string{abi.EventRoute: "warmup", abi.EventSchema: "warmup", abi.EventIdentifier: "warmup", abi.EventKwargs: "{}", abi.EventPath: "/w"}},
	{SocketMessage, map[int]string{abi.EventRoute: "warmup", abi.EventSchema: "warmup", abi.EventIdentifier: "warmup", abi.EventData: "{}"}},
	{SocketGroup, map[int]string{abi.EventRoute: "warmup", abi.EventSchema: "warmup", abi.EventIdentifier: "warmup", abi.EventData: "\x81\xa4type\xa1w"}},
}

func (i *Instance) warm(w warmUp) error {
	buf, ok := i.module.Memory().Read(i.buffer, abi.BufferSize)
	if !ok {
		return i.outside(buffer, i.buffer, abi.BufferSize)
	}
	fields := abi.ReqHeader0 + maxHeaders
	if w.export >= SocketOpen {
		fields = abi.EventHeader0 + maxHeaders
	}
	b := abi.Begin(buf, 0, fields)
	for n := range fields {
		if s, ok := w.fields[n]; ok {
			b.Put(n, s)
		}
	}
	// By fuel alone: what is in the image must not depend on how busy the machine
	// is, nor must the fuel of all calls that begin there.
	i.begin(min(i.program.limits.Fuel, warmUpFuel), setupDeadline)
	if _, err := i.enter(w.export, uint64(b.Size())); err != nil {
		return fmt.Errorf("%w: %w", errWarmUp, err)
	}
	return nil
}

// unserved is what a guest meets before its first request: no tenants and no
// database. What it logs is heard, since its last words may be among it.
type unserved struct {
	hostfuncs.Services
	said []byte // the end of what it logged and printed
}

// mostSaid is how much of that an error quotes, in bytes.
const mostSaid = 4 << 10

func (u *unserved) Log(ctx context.Context, level slog.Level, text string) {
	u.said = append(append(u.said, text...), '\n')
	if extra := len(u.said) - mostSaid; extra > 0 {
		u.said = u.said[:copy(u.said, u.said[extra:])]
	}
	u.Services.Log(ctx, level, text)
}

// explain is err with the guest's last words.
func (u *unserved) explain(err error) error {
	if err == nil || len(u.said) == 0 {
		return err
	}
	return fmt.Errorf("%w; the guest printed %q", err, strings.TrimSpace(string(u.said)))
}

func (*unserved) ByDomain(string, string, []byte) (int, bool) { return 0, false }
func (*unserved) ByReference(string, []byte) (int, bool)      { return 0, false }
func (*unserved) Primary(string, []byte) (int, bool)          { return 0, false }
func (*unserved) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
