// Package trust decides which headers of a request the edge trusts and passes on,
// which Host the request is for, and whether it is a websocket handshake.
//
//	rules := trust.New(trust.Config{TenantHeader: "tenant", Peers: peers})
//	q := trust.RequestOf(r)
//	rejection := rules.Normalize(&q)
//	…
//	header := rules.PassOn(q.Header, rules.Peer(q.RemoteAddr), false)
//
// RATIONALE.md gives the reasons.
package trust

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
)

// Config configures Rules.
type Config struct {
	Peers        []netip.Prefix // networks whose forwarding and tenant headers are trusted
	ProofKeys    []proof.Key    // verify a tenant header of any other peer
	TenantHeader string         // names the tenant in requests
	Upstream     []string       // headers that carry the decision to applications
	Guard        []string       // further headers that only Peers may set
	Allow        []string       // guarded headers that every peer may set
	// RouteForwardedHost routes requests of trusted peers by X-Forwarded-Host. If it
	// is false, their requests whose X-Forwarded-Host is not the Host are rejected.
	RouteForwardedHost bool
	// Hardened rejects ambiguous hosts and sends applications the Host in normal
	// form; see Rules.HostFor.
	Hardened bool
}

// Rules applies a Config to requests. It is safe for concurrent use.
type Rules struct {
	config Config
	guard  *guard
}

// New returns the rules of a configuration.
func New(c Config) *Rules { return &Rules{config: c, guard: newGuard(&c)} }

// Peer reports whether a socket peer, an IP:port, is in Config.Peers.
func (r *Rules) Peer(remoteAddr string) bool {
	if len(r.config.Peers) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, p := range r.config.Peers {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Proved reports whether a request's tenant header has a valid proof. The error
// says why a proof is invalid; it is nil if there is none to verify.
func (r *Rules) Proved(q *Request) (bool, error) {
	if len(r.config.ProofKeys) == 0 {
		return false, nil
	}
	proofs := q.Header.Values(proof.Header)
	tenants := q.Header.Values(r.config.TenantHeader)
	if len(proofs) != 1 || len(tenants) != 1 {
		return false, nil
	}
	err := proof.Verify(r.config.ProofKeys, proofs[0], q.Method, q.Host, q.Target, tenants[0], time.Now())
	return err == nil, err
}

// PassOn returns header without the fields that must not be passed on from a peer
// and, unless the request is a websocket handshake, without an upgrade. It returns
// header itself if nothing is removed, and a copy otherwise: the request's own
// header belongs to the server.
func (r *Rules) PassOn(header http.Header, trusted, websocket bool) http.Header {
	header = r.guard.clean(header, trusted)
	if !websocket && upgrades(header) {
		header = header.Clone()
		withoutUpgrade(header)
	}
	return header
}

// DeleteClaims removes the fields that name a tenant.
func (r *Rules) DeleteClaims(header http.Header) {
	for name := range header {
		if r.guard.kind(name) == claim {
			delete(header, name)
		}
	}
}

// GuestMaySet reports whether a guest may set a field of the request to an
// application.
func (r *Rules) GuestMaySet(name string) bool { return r.guard.setByGuest(name) }
