// Package edge embeds tenantedge in a Go server: it runs a WebAssembly guest
// for each request, which decides the tenant that the request is for.
//
//	dir := tenantdb.NewDirectory(tenantdb.Options{})
//	host, err := edge.New(ctx, edge.Config{
//		GuestConfig: abi.Config{
//			Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
//			Default: &abi.DefaultTenant{},
//		},
//		Directory: dir,
//	})
//	// …
//	http.ListenAndServe(":8080", host.Middleware(handler))
//
// and in the handler
//
//	t, ok := tenant.From(r.Context())
//
// Servers that are not net/http call Host.RequestFrom and Host.Route. A Host is
// safe for concurrent use. What the guest decides is described in package guest/tenancy, how host
// and guest talk in package guest/abi.
package edge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Host runs guests and carries out their decisions.
type Host struct {
	config  Config
	tenants *guests.Tenants
	trust   *trust.Rules
	guests  *guests.Set
	record  *record.Log // nil: requests are not recorded

	closeFiles func() error // nil: guests have no files
	consumers  *consumer.Set
	websockets *websocket.Server // nil: the Host serves none

	results results
	ignored atomic.Uint64 // requests that were routed without their session, which could not be read
}

// New validates, compiles and configures the guest. The error says what is wrong
// with the configuration or with the guest.
func New(ctx context.Context, c Config) (*Host, error) {
	try := c.Guest != nil // the built-in guest needs no trial
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	guestConfig, err := json.Marshal(c.GuestConfig)
	if err != nil {
		return nil, fmt.Errorf("edge: settings: %w", err)
	}
	h := &Host{config: c, trust: newRules(&c), tenants: guests.NewTenants(c.GuestConfig.Tenants, c.Directory, c.GuestConfig.Compat == abi.Strict)}
	h.tenants.Default = c.GuestConfig.Default
	if err := h.openRecord(); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	if h.guests, err = guests.New(ctx, h.forGuests(guestConfig), c.Guest, try); err != nil {
		return nil, errors.Join(public(err), h.closeRecord())
	}
	h.consumers = consumer.New(h.guests, c.Logger, c.Limits.Instances)
	if c.Previous != nil {
		if err := h.guests.LoadPrevious(ctx, c.Previous); err != nil {
			c.Logger.Warn("the previous guest cannot be loaded; there is none to roll back to", "error", public(err))
		}
	}
	h.config.Guest, h.config.Previous = nil, nil // to free their memory
	if err := h.openFiles(); err != nil {
		return nil, errors.Join(fmt.Errorf("edge: %w", err), h.Close())
	}
	if len(c.Websockets.Targets) > 0 {
		if h.websockets, err = h.newWebsockets(); err != nil {
			return nil, errors.Join(fmt.Errorf("edge: %w", err), h.Close())
		}
	}
	return h, nil
}

func (h *Host) forGuests(guestConfig []byte) guests.Config {
	c := &h.config
	g := guests.Config{
		ABI: guestConfig, Strict: c.GuestConfig.Compat == abi.Strict, Tenants: h.tenants, MaySet: h.trust.GuestMaySet,
		Fallback: c.FallBackToPreviousGuest, Queries: c.Queries,
		FileLimits: hostfuncs.FileLimits(c.FileLimits),
		Limits:     instance.Limits(c.Limits), NoReset: c.UnsafeNoReset, CompileCache: c.CompileCache, FixedTime: fixedTime(c.FixedTime),
		Cost: c.Cost, Tracer: c.Tracer, Logger: c.Logger, LogRate: c.GuestLogRate,
	}
	if h.record != nil {
		g.Recorder = h.record
	}
	if c.SmokeRun != nil {
		g.Try = func(ctx context.Context, wasm []byte, serving bool) error {
			trial, err := h.trial(wasm)
			if err != nil {
				return err
			}
			trial.Background = serving
			return c.SmokeRun(ctx, trial)
		}
	}
	return g
}

func fixedTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// openFiles opens the files that guests use.
func (h *Host) openFiles() error {
	if h.config.Files == nil {
		return nil
	}
	files, err := h.config.Files(h)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if files != nil {
		h.guests.UseFiles(files)
		h.closeFiles = sync.OnceValue(files.Close)
	}
	return nil
}

// complete fills in the defaults and checks what only the host knows; the
// guest checks the rest when it is configured.
func (c *Config) complete() error {
	c.GuestConfig.SetDefaults()
	c.Limits.SetDefaults()
	c.FileLimits.SetDefaults()
	c.GuestLogRate = cmp.Or(c.GuestLogRate, DefaultGuestLogRate)
	if c.Guest == nil {
		c.Guest = assets.Router
	}
	if c.Directory == nil {
		c.Directory = tenantdb.NewDirectory(tenantdb.Options{})
	}
	if c.Upstream == nil {
		c.Upstream = upstream.DefaultHeaders()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Refused == nil {
		c.Refused = writeRefusal
	}
	if err := c.Websockets.Check(c.GuestConfig.WSURLConfs); err != nil {
		return err
	}
	for _, k := range c.ProofKeys {
		if err := k.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) routes(by abi.Router) bool {
	return slices.Contains(c.GuestConfig.Routers, by)
}
