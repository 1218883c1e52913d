// Package instance runs a guest: a Program is one compiled generation of it,
// an Instance is one instantiation with a memory of its own, and the pool
// inside the program lends instances out, one request at a time.
//
//	p, err := instance.NewProgram(ctx, instance.Options{Wasm: wasm, Config: json, Bind: bind})
//	i, err := p.Borrow(ctx)
//	reply, err := i.Call(ctx, instance.Route, size) // a view of the guest's memory
//	p.Return(i)                                     // after which the view is gone
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
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Options says how a program is made.
type Options struct {
	Wasm   []byte
	Config []byte // JSON of an abi.Config
	// Bind makes what stands behind the host functions of one more instance.
	Bind func() hostfuncs.Services

	Instances    int           // most instances at once; 0: twice GOMAXPROCS
	QueueTimeout time.Duration // longest wait for one; 0: 1 s
	MemoryPages  uint32        // most memory of an instance in pages of 64 KiB; 0: 1,024, which is 64 MiB
	// CompileCache is a folder that keeps compiled code for the next start;
	// empty: none. What is in it is run: nobody else may write there.
	CompileCache string
	Logger       *slog.Logger // nil: slog.Default
}

// Defaults of Options.
const (
	defaultQueueTimeout = time.Second
	defaultMemoryPages  = 1024
	maxHeaders          = 16
)

// Program is one compiled generation of a guest. It is immutable and has a
// wazero runtime of its own, so that closing it touches no other.
type Program struct {
	digest     string
	configured abi.Configured
	exports    [exportCount]bool
	options    Options
	cache      wazero.CompilationCache // nil: none
	runtime    wazero.Runtime
	compiled   wazero.CompiledModule
	pool       pool
}

// NewProgram validates, compiles and configures a guest, and makes its first
// instance. The error says what was expected and what was found.
func NewProgram(ctx context.Context, o Options) (*Program, error) {
	if o.Instances == 0 {
		o.Instances = 2 * runtime.GOMAXPROCS(0)
	}
	if o.QueueTimeout == 0 {
		o.QueueTimeout = defaultQueueTimeout
	}
	if o.MemoryPages == 0 {
		o.MemoryPages = defaultMemoryPages
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	sum := sha256.Sum256(o.Wasm)
	p := &Program{digest: hex.EncodeToString(sum[:]), options: o}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(o.MemoryPages)
	if o.CompileCache != "" {
		// A cache of the program's own: one that is shared keeps compiled code
		// alive until all of its programs are gone.
		var err error
		if p.cache, err = wazero.NewCompilationCacheWithDir(o.CompileCache); err != nil {
			return nil, fmt.Errorf("instance: compile cache: %w", err)
		}
		config = config.WithCompilationCache(p.cache)
	}
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := p.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("instance: guest %.12s: %w", p.digest, err), p.Close())
	}
	return p, nil
}

func (p *Program) load(ctx context.Context) (err error) {
	workers := experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	if p.compiled, err = p.runtime.CompileModule(workers, p.options.Wasm); err != nil {
		return fmt.Errorf("is no valid WebAssembly module: %w", err)
	}
	if p.exports, err = checkExports(p.compiled); err != nil {
		return err
	}
	if err = hostfuncs.Check(p.compiled); err != nil {
		return err
	}
	if err = hostfuncs.Instantiate(ctx, p.runtime, p.compiled); err != nil {
		return err
	}
	first, configured, err := p.newInstance(ctx)
	if err != nil {
		return err
	}
	p.configured = configured
	p.pool.init(p.options.Instances, first)
	return nil
}

// newInstance makes one more instance, configured and ready to be called.
func (p *Program) newInstance(ctx context.Context) (*Instance, abi.Configured, error) {
	i, err := p.instantiate(ctx)
	if err != nil {
		return nil, abi.Configured{}, err
	}
	configured, err := i.configure(ctx, p.options.Config)
	if err != nil {
		return nil, configured, errors.Join(err, i.close(ctx))
	}
	return i, configured, nil
}

// Digest is the guest's SHA-256 in hexadecimal.
func (p *Program) Digest() string { return p.digest }

// Configured is what the guest answered when it was configured.
func (p *Program) Configured() abi.Configured { return p.configured }

// Has tells whether the guest has an optional export.
func (p *Program) Has(e Export) bool { return p.exports[e] }

// Close ends the program. No instance may be borrowed any more.
func (p *Program) Close() error {
	err := p.runtime.Close(context.Background())
	if p.cache != nil {
		err = errors.Join(err, p.cache.Close(context.Background()))
	}
	return err
}

// parseConfigured reads the reply of te_configure.
func parseConfigured(reply []byte) (abi.Configured, error) {
	var c abi.Configured
	if err := json.Unmarshal(reply, &c); err != nil {
		return c, fmt.Errorf("%s replied %.200q: expected JSON: %w", abi.ExportConfigure, reply, err)
	}
	if c.Error != "" {
		return c, &ConfigError{Reason: c.Error}
	}
	if len(c.Headers) > maxHeaders {
		return c, fmt.Errorf("%s asks for %d headers: expected at most %d", abi.ExportConfigure, len(c.Headers), maxHeaders)
	}
	for _, h := range c.Headers {
		if h == "" || strings.ContainsAny(h, " \t\r\n:") {
			return c, fmt.Errorf("%s asks for the header %q: expected a header name", abi.ExportConfigure, h)
		}
	}
	return c, nil
}

// ConfigError is a configuration that the guest refused, in its own words.
type ConfigError struct{ Reason string }

func (e *ConfigError) Error() string { return "refuses its configuration: " + e.Reason }
