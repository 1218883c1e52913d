package tenantedge

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddytls"

	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Permission allows certificates on demand for the domains of tenants only: those of
// the rows in the directory and of the static tenants of the configuration. It looks
// them up in memory, so that handshakes with other names cost neither a database
// query nor a request to a certificate authority.
type Permission struct {
	// The edge that has the tenants. Default: the only one.
	Edge string `json:"edge,omitempty"`
	// Also allows a domain with "www." before it. Whoever has the domain also needs a
	// DNS record for that name, or the certificate authority refuses it.
	WWW bool `json:"www,omitempty"`

	static    map[string]bool
	directory *tenantdb.Directory
	shared    atomic.Pointer[map[string]bool] // domains all of whose rows have folders
}

// CaddyModule returns the Caddy module information.
func (*Permission) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.permission.tenantedge", New: func() caddy.Module { return new(Permission) }}
}

// Provision finds the edge, and follows its directory until ctx ends.
func (p *Permission) Provision(ctx caddy.Context) error {
	r, err := edgeOf(ctx, p.Edge)
	if err != nil {
		return err
	}
	p.static = make(map[string]bool)
	for _, t := range r.file.GuestConfig.Tenants {
		for _, domain := range append(append([]string(nil), t.Domains...), t.FallbackDomains...) {
			if name, err := tenancy.NormalizeHost(domain); err == nil {
				p.static[name] = true
			}
		}
	}
	p.directory = r.server.Parts().Config.Directory
	changed := p.directory.Changed()
	p.findShared()
	go p.follow(ctx, changed)
	return nil
}

// sharedPause is the shortest time between two searches for domains that are shared.
const sharedPause = time.Second

// follow searches again when the directory changes.
func (p *Permission) follow(ctx context.Context, changed <-chan struct{}) {
	pause := time.NewTimer(sharedPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		changed = p.directory.Changed()
		p.findShared()
		pause.Reset(sharedPause)
	}
}

// findShared finds the domains that no row has without a folder. The directory
// itself finds only rows.
func (p *Permission) findShared() {
	shared := make(map[string]bool)
	for d := range p.directory.Domains() {
		if d.Folder == "" || shared[d.Domain] {
			continue
		}
		if _, found := p.directory.ByDomain(d.Domain, ""); !found {
			shared[d.Domain] = true
		}
	}
	p.shared.Store(&shared)
}

// CertificateAllowed implements caddytls.OnDemandPermission.
func (p *Permission) CertificateAllowed(_ context.Context, name string) error {
	const longest = 253 // RFC 1035, 2.3.4
	if len(name) <= longest {
		if normal, err := tenancy.NormalizeHost(name); err == nil && p.has(normal) {
			return nil
		}
	}
	return fmt.Errorf("%w: no tenant has the domain", caddytls.ErrPermissionDenied)
}

func (p *Permission) has(domain string) bool {
	if p.knows(domain) {
		return true
	}
	rest, ok := strings.CutPrefix(domain, "www.")
	return ok && p.WWW && p.knows(rest)
}

func (p *Permission) knows(domain string) bool {
	if p.static[domain] || (*p.shared.Load())[domain] {
		return true
	}
	_, found := p.directory.ByDomain(domain, "")
	return found
}

var (
	_ caddy.Provisioner           = (*Permission)(nil)
	_ caddytls.OnDemandPermission = (*Permission)(nil)
)
