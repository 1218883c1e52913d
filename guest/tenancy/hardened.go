package tenancy

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

func (c *call) hardened() {
	d := c.d
	if !c.readHost() {
		return
	}
	if reason := d.parseTarget(c.req, &c.target); reason != "" {
		d.Refuse(abi.BadRequest, reason)
		return
	}
	if hiddenDots := d.readLeniently(&c.target); hiddenDots {
		d.Refuse(abi.BadRequest, "the path has a dot segment that only some servers recognize")
		return
	}
	if c.target.authority != "" && !c.isSameHost() {
		d.Refuse(abi.BadRequest, "the request-target and the Host name different hosts")
		return
	}
	var winner, byDomain *finding
	for i, kind := range c.routers {
		f := c.begin(i)
		if !c.find(kind, f) {
			return
		}
		if f.kind == Unrouted {
			continue
		}
		if winner != nil && !c.lastWins && c.schema(winner) != c.schema(f) {
			d.Refuse(abi.Conflict, "the routers find different tenants")
			return
		}
		if kind == ByDomain {
			byDomain = f
		}
		winner = f
	}
	if winner == nil {
		d.Refuse(abi.Missing, fastpath.NoTenant)
		return
	}
	// If a domain row and a later header name the same tenant, the row counts: its
	// folder must be removed from the path, and its redirect made.
	if byDomain != nil && byDomain != winner && (byDomain.folder != "" || byDomain.redirect) && c.schema(byDomain) == c.schema(winner) {
		winner = byDomain
	}
	c.serve(winner)
}

// readHost normalizes the Host, also if no router uses it. It returns false if it
// refused the request.
func (c *call) readHost() bool {
	if !c.req.HasHost {
		if c.routes(ByDomain) {
			c.d.Refuse(abi.BadRequest, "the request has no Host")
			return false
		}
		return true
	}
	if isNormalHost(c.req.Host) {
		c.host = c.req.Host
		return true
	}
	if strings.IndexByte(c.req.Host, '\n') >= 0 {
		c.d.Refuse(abi.BadRequest, "the request has more than one Host")
		return false
	}
	name, _, err := cutPort(c.req.Host)
	if err == nil {
		name, err = c.d.normalizeHost(name)
	}
	if err != nil {
		c.d.Refuse(abi.BadRequest, err.Error())
		return false
	}
	c.host = name
	return true
}

// isSameHost reports whether an absolute request-target has the host of the Host
// header: the same name, and the same port or both a default port.
func (c *call) isSameHost() bool {
	if !c.req.HasHost {
		return false
	}
	name, port, err := cutPort(c.target.authority)
	if err != nil {
		return false
	}
	if name, err = c.d.normalizeHost(name); err != nil || name != c.host {
		return false
	}
	_, other, _ := cutPort(c.req.Host)
	return port == other || isDefaultPort(port) && isDefaultPort(other)
}

func isDefaultPort(port string) bool { return port == "" || port == "80" || port == "443" }

// find runs one router. It returns false if the router refused the request.
func (c *call) find(kind Kind, f *finding) bool {
	switch kind {
	case ByDomain:
		return c.byDomain(f)
	case ByHeader:
		return c.byHeader(f)
	default:
		return c.bySession(f)
	}
}

// serve decides for the tenant of f, or for a redirect to its primary domain.
func (c *call) serve(f *finding) {
	d := c.d
	c.fill(f)
	d.URLConf, d.WSURLConf = c.confs(f)
	if c.placed && f.static < 0 && !c.place(f) {
		return
	}
	path, raw := c.target.path, c.target.raw
	if f.folder != "" {
		var ok bool
		if path, raw, ok = cutFolder(&c.target, f.folder); !ok {
			d.Refuse(abi.BadRequest, "servers could read the folder in the path differently")
			return
		}
	}
	if f.redirect {
		if climbs(path) {
			d.Refuse(abi.BadRequest, "the path leads out of its folder")
			return
		}
		if c.dir.Primary(f.record.ID, &d.primary) && c.primaryServes(f, &d.primary, path) && d.redirect(c.req, &d.primary, raw, c.target.query) {
			return
		}
		f.reason = "the domain row redirects, but the tenant has no primary row that would serve the path"
	}
	if f.folder != "" {
		if climbs(path) {
			d.Refuse(abi.BadRequest, "the path leads out of its folder")
			return
		}
		path = d.rooted(path)
	}
	d.Path = path
	c.accept(f)
	if c.req.Websocket {
		c.matchWebsocket(strings.TrimLeft(path, "/"))
	}
}
