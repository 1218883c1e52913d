// Package instance runs guests. A Program is one compiled generation of a
// guest, an Instance is one instantiation with its own memory, and the pool of
// a program lends an instance to one request at a time. Guests are metered
// (package meter), and every call starts from the same state (package
// pristine).
//
//	p, err := instance.NewProgram(ctx, instance.Options{Wasm: wasm, Config: json, Bind: bind})
//	i, err := p.Borrow(ctx)
//	err = i.Call(ctx, instance.Route, write, read)
//	p.Return(i)
package instance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"golang.org/x/net/http/httpguts"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Options are the parameters of NewProgram.
type Options struct {
	Wasm   []byte
	Config []byte // JSON of an abi.Config
	// Bind returns the services for the host functions of a new instance.
	Bind   func() hostfuncs.Services
	Limits Limits
	// NoReset disables the reset after each call, which isolates tenants, to
	// measure its cost.
	NoReset bool
	// CompileCache is a folder for compiled code; empty: none. Its contents are
	// executed, so only this user may write to it.
	CompileCache string
	FixedTime    int64 // see hostfuncs.Call
	// Cost returns where to add what a call with this context costs; nil: nowhere.
	// Cost may be nil.
	Cost   func(context.Context) *stats.Cost
	Logger *slog.Logger // nil: slog.Default
}

// Program is one compiled generation of a guest. It is immutable and has its
// own wazero runtime, so that closing it does not affect other programs.
type Program struct {
	digest     string
	limits     Limits
	options    Options
	metered    meter.Result
	configured abi.Configured
	exports    [exportCount]bool
	cache      wazero.CompilationCache // nil: none
	runtime    wazero.Runtime
	compiled   wazero.CompiledModule
	marker     wazero.CompiledModule

	// The state that every instance starts from, with the memory of image.
	image   *pristine.Image
	globals []uint64
	buffer  uint32
	slept   time.Duration
	setup   stats.SetupFuel

	cached     Cached
	size       int // bytes of the image
	pool       pool
	closing    sync.Once
	released   chan struct{} // closed once everything is released
	releaseErr error         // the error of release; valid once released is closed
}

// NewProgram validates, meters, compiles and configures a guest, and makes its
// first instances.
func NewProgram(ctx context.Context, o Options) (*Program, error) {
	limits, err := o.Limits.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	p := &Program{digest: Digest(o.Wasm), limits: limits, options: o, released: make(chan struct{})}
	p.pool.init(p)
	if err := p.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("guest %s: %w", p.short(), err), p.Close())
	}
	p.options.Wasm, p.metered.Wasm = nil, nil // release megabytes
	return p, nil
}

// Digest returns the SHA-256 of a guest in hexadecimal.
func Digest(guest []byte) string {
	sum := sha256.Sum256(guest)
	return hex.EncodeToString(sum[:])
}

func (p *Program) load(ctx context.Context) (err error) {
	if err := CheckSize(p.options.Wasm); err != nil {
		return err
	}
	if p.metered, err = Meter(p.options.Wasm, p.limits); err != nil {
		return unreadable(err)
	}
	return p.loadMetered(ctx)
}

// loadMetered compiles and configures the metered guest, and makes its first instances.
func (p *Program) loadMetered(ctx context.Context) (err error) {
	if err = p.compile(ctx); err != nil {
		return err
	}
	if p.exports, err = p.checkExports(); err != nil {
		return err
	}
	if err = hostfuncs.Check(p.compiled, meter.ImportModule, meter.MarkModule); err != nil {
		return fmt.Errorf("%w%s", err, similarImport(p.compiled))
	}
	if err = hostfuncs.Instantiate(ctx, p.runtime, p.compiled); err != nil {
		return err
	}
	if err = instantiateMeter(ctx, p.runtime); err != nil {
		return err
	}
	if err = p.buildImage(ctx); err != nil {
		return fmt.Errorf("%w%s", err, hint(p.compiled.ExportedFunctions()))
	}
	p.size = p.image.Size()
	return p.Fill(ctx)
}

// unreadable returns the error of meter.Instrument with its kind.
func unreadable(err error) error {
	switch {
	case errors.Is(err, wasm.ErrMalformed):
		return fmt.Errorf("is not a valid WebAssembly module: %w", err)
	case errors.Is(err, wasm.ErrUnsupported):
		return fmt.Errorf("uses a WebAssembly feature that the host does not support: %w", err)
	}
	return err
}

// Fill makes instances until there is one for each processor, and keeps that
// many until Park.
func (p *Program) Fill(ctx context.Context) error {
	return p.pool.fill(ctx, min(runtime.GOMAXPROCS(0), p.limits.Instances))
}

// Park closes the idle instances of a program that is not in use. Borrow still
// works and makes instances.
func (p *Program) Park() { p.pool.park() }

func (p *Program) short() string { return p.digest[:12] }

func (p *Program) maxMemory() uint64 {
	return max(1, uint64(p.metered.MaxMemory)) * wasm.PageSize
}

// Digest returns the guest's SHA-256 in hexadecimal.
func (p *Program) Digest() string { return p.digest }

// Configured returns the reply of the guest to its configuration.
func (p *Program) Configured() abi.Configured { return p.configured }

// LooksAhead reports whether the guest wants lookups in advance, see
// abi.Configured.
func (p *Program) LooksAhead() bool { return p.configured.LookAhead }

// Has reports whether the guest has an optional export.
func (p *Program) Has(e Export) bool { return p.exports[e] }

// ErrInUse: calls of a closed program still run.
var ErrInUse = errors.New("calls still run")

// Close rejects further calls, waits for those that run, and releases
// everything. It is idempotent.
func (p *Program) Close() error { return p.Drain(context.Background()) }

// Drain is Close with a bounded wait: when ctx ends it returns ErrInUse, and
// everything is released when the last call ends. It may be called again.
func (p *Program) Drain(ctx context.Context) error {
	p.closing.Do(func() {
		p.pool.close()
		go func() {
			<-p.pool.ended
			p.releaseErr = p.release()
			close(p.released)
		}()
	})
	select {
	case <-p.released:
		return p.releaseErr
	case <-ctx.Done():
		return fmt.Errorf("%w: %d", ErrInUse, p.Stats().Busy)
	}
}

// release releases the code and the image, after the last call.
func (p *Program) release() error {
	err := p.releaseCode()
	if p.image != nil {
		err = errors.Join(err, p.image.Close())
	}
	return err
}

// parseConfigured parses the reply of te_configure.
func parseConfigured(reply []byte) (abi.Configured, error) {
	var c abi.Configured
	if len(reply) > abi.MaxConfigured {
		return c, fmt.Errorf("%s replied %d bytes: expected at most %d", abi.ExportConfigure, len(reply), abi.MaxConfigured)
	}
	if err := json.Unmarshal(reply, &c); err != nil {
		return c, fmt.Errorf("%s replied %.200q: expected a JSON object, such as {\"name\":\"mine\"}: %w", abi.ExportConfigure, reply, err)
	}
	if c.Error != "" {
		return c, &ConfigError{Reason: c.Error[:min(len(c.Error), abi.MaxConfiguredText)]}
	}
	for _, text := range []string{c.Name, c.Version} {
		if len(text) > abi.MaxConfiguredText {
			return c, fmt.Errorf("%s gives a name or version of %d bytes: expected at most %d", abi.ExportConfigure, len(text), abi.MaxConfiguredText)
		}
	}
	for _, asked := range [][]string{c.Headers, c.AuthorizeHeaders, c.ConsumerHeaders, c.SetHeaders} {
		if len(asked) > abi.MaxAskedHeaders {
			return c, fmt.Errorf("%s asks for %d headers: expected at most %d", abi.ExportConfigure, len(asked), abi.MaxAskedHeaders)
		}
		for _, h := range asked {
			if len(h) > abi.MaxHeaderName || !httpguts.ValidHeaderFieldName(h) {
				return c, fmt.Errorf("%s asks for the header %.80q of %d bytes: expected a token of at most %d", abi.ExportConfigure, h, len(h), abi.MaxHeaderName)
			}
		}
	}
	return c, nil
}

// ConfigError is the guest's error for its configuration.
type ConfigError struct{ Reason string }

func (e *ConfigError) Error() string { return "refuses its configuration: " + e.Reason }
