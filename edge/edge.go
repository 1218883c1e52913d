// Package edge embeds tenantedge in a Go server: it runs a WebAssembly guest
// for each request, which decides the tenant that the request is for.
//
//	dir := tenantdb.NewDirectory(tenantdb.Options{})
//	host, err := edge.New(ctx, edge.Config{
//		Tenants:   []edge.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
//		Default:   &edge.DefaultTenant{},
//		Directory: dir,
//	})
//	// …
//	http.ListenAndServe(":8080", host.Middleware(handler))
//
// and in the handler
//
//	t, ok := tenant.From(r.Context())
//
// Servers that are not net/http call Host.Route. A Host is safe for concurrent
// use. What the guest decides is described in package guest/tenancy, how host
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

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Host runs guests and carries their decisions out.
type Host struct {
	config      Config
	guestConfig []byte // JSON of an abi.Config
	static      map[string]*StaticTenant
	domains     map[string]string // all domains of the static tenants, as requests look them up, and whose they are
	trust       *trust.Rules

	files     atomic.Pointer[storage.Storage] // for guests; nil: none
	pathnames pathnames

	current, previous atomic.Pointer[generation]

	consumers  consumers
	websockets *websockets // nil: none are served here

	swapping sync.Mutex // held while guests are exchanged
	closed   bool

	// ledger guards what Stats adds up. Guests that are superseded stay in live
	// until they are closed, and then are part of past.
	ledger                        sync.Mutex
	live                          []*generation
	past                          ProgramStats
	swaps, rollbacks, failedSwaps uint64

	results results
	ignored atomic.Uint64 // requests that were decided without their session, which could not be read
	said    *guestLog
}

// New makes a Host: the guest is validated, compiled and configured. The error
// names what is wrong in the configuration or in the guest.
func New(ctx context.Context, c Config) (*Host, error) {
	tried := c.Guest == nil // the guest that comes along needs no trial
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	h := &Host{config: c, past: noProgramStats(), static: map[string]*StaticTenant{}, domains: map[string]string{}, trust: newRules(&c), said: newGuestLog(c.Logger, c.GuestLogRate)}
	for i := range c.Tenants {
		t := &c.Tenants[i]
		h.static[t.Schema] = t
		for _, d := range t.Domains {
			if normal, err := tenancy.NormalizeHost(d); err == nil && c.Compat != Strict {
				d = normal // the guest refuses a domain that has no such form
			}
			if _, taken := h.domains[d]; !taken {
				h.domains[d] = t.Schema
			}
		}
	}
	var err error
	if h.guestConfig, err = json.Marshal(c.forGuest()); err != nil {
		return nil, fmt.Errorf("edge: settings: %w", err)
	}
	if !tried {
		if err := h.try(ctx, c.Guest); err != nil {
			return nil, err
		}
	}
	first, err := h.generate(ctx, c.Guest)
	if err != nil {
		return nil, err
	}
	h.config.Guest = nil // megabytes that nobody reads again
	h.current.Store(first)
	if len(c.Websockets.Targets) > 0 {
		if h.websockets, err = h.newWebsockets(); err != nil {
			return nil, errors.Join(fmt.Errorf("edge: %w", err), h.Close())
		}
	}
	return h, nil
}

// complete fills in the defaults and checks what only the host knows; the
// guest checks the rest when it is configured.
func (c *Config) complete() error {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&c.Compat, Hardened)
	set(&c.Conflicts, Refuse)
	set(&c.OnGuestError, Refuse)
	set(&c.SessionsUnavailable, Refuse)
	c.GuestLogRate = cmp.Or(c.GuestLogRate, defaultGuestLogRate)
	set(&c.ForwardedHost, Refuse)
	set(&c.TenantHeader, defaultReference)
	set(&c.TenantSessionKey, defaultReference)
	if c.Routers == nil {
		c.Routers = []string{RouteDomain}
	}
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
	if c.OnGuestError != Refuse && c.OnGuestError != Previous {
		return fmt.Errorf("OnGuestError: expected %q or %q, found %q", Refuse, Previous, c.OnGuestError)
	}
	if c.SessionsUnavailable != Refuse && c.SessionsUnavailable != Ignore {
		return fmt.Errorf("SessionsUnavailable: expected %q or %q, found %q", Refuse, Ignore, c.SessionsUnavailable)
	}
	if c.ForwardedHost != Refuse && c.ForwardedHost != RouteByForwardedHost {
		return fmt.Errorf("ForwardedHost: expected %q or %q, found %q", Refuse, RouteByForwardedHost, c.ForwardedHost)
	}
	if err := c.checkWebsockets(); err != nil {
		return err
	}
	for _, k := range c.ProofKeys {
		if err := k.Check(); err != nil {
			return err
		}
	}
	return nil
}

// defaultReference is the reference's default for both, header and session key.
const defaultReference = "tenant"

func (c *Config) forGuest() abi.Config {
	return abi.Config{
		ABI:              abi.Version,
		Compat:           c.Compat,
		Routers:          c.Routers,
		Conflicts:        c.Conflicts,
		TenantHeader:     c.TenantHeader,
		TenantSessionKey: c.TenantSessionKey,
		Tenants:          c.Tenants,
		Default:          c.Default,
		WSURLConfs:       c.WSURLConfs,
		Settings:         c.Settings,
	}
}

func (c *Config) routes(by string) bool {
	return slices.Contains(c.Routers, by)
}
