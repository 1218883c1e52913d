package edge

import (
	"context"
	"net/http"
	"net/textproto"
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
// a client, trusted or not, claims. So are the headers that the guest sets, or
// has declared that it may set, in every spelling.
func (h *Host) SetUpstreamHeaders(ctx context.Context, header http.Header) {
	h.guard.claims(header)
	for _, name := range h.guestHeaders() {
		removeFolded(header, name)
	}
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
		removeFolded(header, c.decision.Headers[i])
		header.Set(c.decision.Headers[i], c.decision.Headers[i+1])
	}
}

// guestHeaders are the headers that the guest has declared.
func (h *Host) guestHeaders() []string { return h.current.Load().program.Configured().SetHeaders }

// validHeader reports whether name and value may stand in a header.
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
	return validValue(value)
}

func validValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return value == "" || !blank(value[0]) && !blank(value[len(value)-1])
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
