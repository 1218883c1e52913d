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
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// buildImage runs the guest up to its first request and makes the image of that
// state, in which every instance begins and ends each call. The clock and
// randomness are fixed meanwhile, and only sleeping advances the clock, so that
// the image, and with it the fuel of calls, is the same on all machines.
//
// If a warm-up call fails, the image is built without warm-up: the state after
// a trap, for example grown memory, must not be in the image. If the guest
// traps on requests too, they report it.
//
// The made-up events may fail in the guest's consumers. Then the guest is
// warmed up without them first.
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
	memory, err := pristine.NewMemory(p.maxMemory())
	if err != nil {
		return err
	}
	services := &unserved{Services: p.options.Bind()}
	i, err := p.instantiate(ctx, memory, services)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(services.explain(err, i.call.Denied()), i.close(ctx)) }()
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
	for n, g := range i.globals {
		value := g.Get()
		if own := p.metered.Globals[3+n]; own.Window {
			value = own.Value
		}
		p.globals = append(p.globals, value)
	}
	p.image, err = pristine.NewImage(memory.Bytes())
	return err
}

// start runs the guest's start functions and checks its version.
func (i *Instance) start(section bool) error {
	i.program.setup = stats.SetupFuel{}
	for _, name := range []string{meter.ExportStart, abi.ExportInitialize} {
		f := i.module.ExportedFunction(name)
		if f == nil || name == meter.ExportStart && !section {
			continue
		}
		i.begin(setupFuel, setupDeadline)
		if err := f.CallWithStack(&i.call, nil); err != nil {
			if name == meter.ExportStart {
				name = "the start function"
			}
			return i.trapped(name, err)
		}
		i.program.setup.Initialize += i.Fuel()
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

// configure configures the guest, runs its self-test, and asks for the buffer
// for requests.
func (i *Instance) configure(config []byte) (abi.Configured, error) {
	if err := i.room(len(config)); err != nil {
		return abi.Configured{}, err
	}
	if !i.module.Memory().Write(i.buffer, config) {
		return abi.Configured{}, i.outside(buffer, i.buffer, uint32(len(config)))
	}
	i.begin(setupFuel, setupDeadline)
	reply, err := i.run(configure, uint64(len(config)))
	i.program.setup.Configure = i.Fuel()
	if err != nil {
		return abi.Configured{}, err
	}
	configured, err := parseConfigured(reply)
	if err != nil {
		return configured, err
	}
	if i.functions[SelfTest] != nil {
		code, err := i.number(SelfTest, 0)
		i.program.setup.SelfTest = i.Fuel()
		if err == nil && code != 0 {
			err = fmt.Errorf("%s returned %d: expected 0; log why before it returns another number", abi.ExportSelfTest, code)
		}
		if err != nil {
			return configured, err
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
		return fmt.Errorf("%s returned 0 for %d bytes: return the address of a buffer of that size, in memory that is allocated or declared for it", abi.ExportBuffer, size)
	}
	if _, ok := i.module.Memory().Read(addr, uint32(size)); !ok {
		return i.outside(buffer, addr, uint32(size))
	}
	i.buffer = addr
	return nil
}

// number calls an export that returns an i32, during set-up.
func (i *Instance) number(e Export, arg uint64) (uint32, error) {
	i.begin(setupFuel, setupDeadline)
	n, err := i.enter(e, arg)
	return uint32(n), err
}

// warmUp makes calls of each kind with made-up data of no tenant, so that
// one-time work of the guest is in the image. It ignores their replies.
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

// warmUps is ordered, since the image depends on the order.
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
	// Only fuel limits the call: the image, and so the fuel of all later calls,
	// must not depend on the load of the machine.
	i.begin(min(i.program.limits.Fuel, warmUpFuel), setupDeadline)
	if _, err := i.enter(w.export, uint64(b.Size())); err != nil {
		return fmt.Errorf("%w: %w", errWarmUp, err)
	}
	return nil
}

// unserved are the services of a guest before its first request: no tenants and
// no database. It keeps the end of what the guest logs, for errors.
type unserved struct {
	hostfuncs.Services
	logged []byte // the end of what the guest logged and printed
}

// maxLogged bounds what an error quotes of it, in bytes.
const maxLogged = 5 << 10

func (u *unserved) Log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	u.logged = append(u.logged, text...)
	for _, a := range attrs {
		u.logged = fmt.Appendf(u.logged, " %s=%q", a.Key, a.Value)
	}
	u.logged = append(u.logged, '\n')
	if extra := len(u.logged) - maxLogged; extra > 0 {
		u.logged = u.logged[:copy(u.logged, u.logged[extra:])]
	}
	u.Services.Log(ctx, level, text, attrs...)
}

// explain adds to err what the guest was denied and the end of its log.
func (u *unserved) explain(err error, denied string) error {
	if err != nil && denied != "" {
		err = fmt.Errorf("%w; %s", err, denied)
	}
	if err == nil || len(u.logged) == 0 {
		return err
	}
	return fmt.Errorf("%w; the guest printed %q", err, strings.TrimSpace(string(u.logged)))
}

func (*unserved) ByDomain(string, string, []byte) (int, bool) { return 0, false }
func (*unserved) ByReference(string, []byte) (int, bool)      { return 0, false }
func (*unserved) Primary(string, []byte) (int, bool)          { return 0, false }
func (*unserved) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
