package edge

import (
	"context"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Upstream names the request headers that carry a decision to an upstream; an
// empty name: it is not carried.
type Upstream struct {
	Schema      string // default "tenant", where django-pgschemas looks
	ID          string
	Routing     string // "domain", "header" or "session"
	Folder      string
	CachePrefix string
	Identifier  string
}

// DefaultUpstream carries the schema in the header "tenant".
func DefaultUpstream() *Upstream { return &Upstream{Schema: defaultReference} }

// names lists the headers that are carried.
func (u *Upstream) names() []string {
	var names []string
	for _, n := range []string{u.Schema, u.ID, u.Routing, u.Folder, u.CachePrefix, u.Identifier} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// SetUpstreamHeaders makes the headers of a request to an upstream say what
// was decided for the request of ctx. Whatever stood under those names is
// replaced, and removed where there is no tenant: an upstream never sees what
// a client, trusted or not, claims.
func (h *Host) SetUpstreamHeaders(ctx context.Context, header http.Header) {
	h.strip.tenant(header)
	c, _ := ctx.Value(tenantKey{}).(*tenantContext)
	if c == nil || c.decision.Outcome != OutcomeTenant {
		return
	}
	u, t := h.config.Upstream, &c.decision.Tenant
	set := func(name, value string) {
		if name != "" && value != "" {
			header.Set(name, value)
		}
	}
	set(u.Schema, t.Schema)
	set(u.ID, t.ID)
	set(u.Routing, t.Routing.Kind)
	set(u.Folder, t.Routing.Folder)
	set(u.CachePrefix, t.CachePrefix)
	set(u.Identifier, t.Identifier)
	for i := 0; i+1 < len(c.decision.Headers); i += 2 {
		header.Set(c.decision.Headers[i], c.decision.Headers[i+1])
	}
}

// stripper knows the headers that clients must not send. Every request has all
// of its headers looked at, so a name that is none of them is told by its
// length, or by its first letter.
type stripper struct {
	reserved []string // folded
	lengths  uint64   // a bit for each length that one of them has, the last for all from 63 on
}

// forwarding are the headers by which proxies speak to each other; every
// X-Forwarded-… comes on top.
var forwarding = []string{"forwarded", "x-real-ip", "x-original-url", "x-rewrite-url", "x-original-host", "x-host"}

func newStripper(c *Config) stripper {
	var s stripper
	for _, n := range append([]string{c.TenantHeader, ProofHeader}, c.Upstream.names()...) {
		if n = fold(n); !slices.Contains(s.reserved, n) {
			s.reserved = append(s.reserved, n)
			s.lengths |= lengthBit(n)
		}
	}
	return s
}

func lengthBit(name string) uint64 { return 1 << min(len(name), 63) }

// fold makes one name of those that an application server may take for the
// same: CGI and WSGI turn both `-` and `_` into `_`, and ignore case.
func fold(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// equalFold tells whether fold(name) is lower, without building it.
func equalFold(name, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// claims tells whether a header claims a tenant.
func (s stripper) claims(name string) bool {
	if s.lengths&lengthBit(name) == 0 {
		return false
	}
	for _, r := range s.reserved {
		if equalFold(name, r) {
			return true
		}
	}
	return false
}

// IsForwarding tells whether a header, in any spelling that an application
// server may take for it, is one by which proxies speak to each other.
func IsForwarding(name string) bool {
	if name == "" || name[0]|0x20 != 'x' && name[0]|0x20 != 'f' {
		return false // as all of them begin
	}
	const prefix = "x-forwarded-"
	if len(name) > len(prefix) && equalFold(name[:len(prefix)], prefix) {
		return true
	}
	for _, f := range forwarding {
		if equalFold(name, f) {
			return true
		}
	}
	return false
}

// untrusted returns header without what clients must not send. It returns
// header itself if there is nothing of the kind, and a copy otherwise: the
// request's own header is the server's.
func (s stripper) clean(header http.Header, trusted bool) http.Header {
	if trusted {
		return header
	}
	clean := header
	for name := range header {
		if !IsForwarding(name) && !s.claims(name) {
			continue
		}
		if len(clean) == len(header) {
			clean = header.Clone()
		}
		delete(clean, name)
	}
	return clean
}

// tenant removes what claims a tenant from header.
func (s stripper) tenant(header http.Header) {
	for name := range header {
		if s.claims(name) {
			delete(header, name)
		}
	}
}

// validHeader tells whether name and value may stand in a header.
func validHeader(name, value string) bool {
	if name == "" || textproto.TrimString(name) != name {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return textproto.TrimString(value) == value
}
