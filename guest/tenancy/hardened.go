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
	if disguised := d.readLeniently(&c.target); disguised {
		d.Refuse(abi.BadRequest, "the path has a dot segment that only some readers see")
		return
	}
	if c.target.authority != "" && !c.agrees() {
		d.Refuse(abi.BadRequest, "the request-target and the Host name different hosts")
		return
	}
	var prevailing, byDomain *finding
	for i, kind := range c.routers {
		f := c.begin(i)
		if !c.ask(kind, f) {
			return
		}
		if f.kind == Unrouted {
			continue
		}
		if prevailing != nil && !c.lastWins && c.schema(prevailing) != c.schema(f) {
			d.Refuse(abi.Conflict, "the routers find different tenants")
			return
		}
		if kind == ByDomain {
			byDomain = f
		}
		prevailing = f
	}
	if prevailing == nil {
		d.Refuse(abi.Missing, fastpath.NoTenant)
		return
	}
	// Where a domain row leads to the same tenant as a later header does, its
	// folder is still in the path, and its wish to be redirected holds.
	if byDomain != nil && byDomain != prevailing && (byDomain.folder != "" || byDomain.redirect) && c.schema(byDomain) == c.schema(prevailing) {
		prevailing = byDomain
	}
	c.serve(prevailing)
}

// readHost normalises the Host, wherever routing looks: a request whose host
// is in doubt is in doubt as a whole.
func (c *call) readHost() bool {
	if !c.req.HasHost {
		if c.routes(ByDomain) {
			c.d.Refuse(abi.BadRequest, "there is no Host")
			return false
		}
		return true
	}
	if isNormalHost(c.req.Host) {
		c.host = c.req.Host
		return true
	}
	if strings.IndexByte(c.req.Host, '\n') >= 0 {
		c.d.Refuse(abi.BadRequest, "there is more than one Host")
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

// agrees reports whether an absolute request-target names the host that the Host
// header names: the same name, and the same port where both have one.
func (c *call) agrees() bool {
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

// ask lets one router look. It is false if the request is refused.
func (c *call) ask(kind Kind, f *finding) bool {
	switch kind {
	case ByDomain:
		return c.byDomain(f)
	case ByHeader:
		return c.byHeader(f)
	default:
		return c.bySession(f)
	}
}

// serve answers with the tenant that prevails, or redirects to its primary
// domain.
func (c *call) serve(f *finding) {
	d := c.d
	c.fill(f)
	d.URLConf, d.WSURLConf = c.confs(f)
	path, raw := c.target.path, c.target.raw
	if f.folder != "" {
		var ok bool
		if path, raw, ok = cutFolder(&c.target, f.folder); !ok {
			d.Refuse(abi.BadRequest, "the path names the folder in a way that others may read otherwise")
			return
		}
	}
	if f.redirect {
		if climbs(path) {
			d.Refuse(abi.BadRequest, "the path climbs out of its folder")
			return
		}
		if c.dir.Primary(f.record.ID, &d.primary) && c.leadsHome(f, &d.primary, path) && d.redirect(c.req, &d.primary, raw, c.target.query) {
			return
		}
		f.reason = "the domain row asks to be redirected, but no primary domain of the tenant would serve the path"
	}
	if f.folder != "" {
		if climbs(path) {
			d.Refuse(abi.BadRequest, "the path climbs out of its folder")
			return
		}
		path = d.rooted(path)
	}
	d.Path = path
	c.found(f)
	if c.req.Websocket {
		c.matchWebsocket(strings.TrimLeft(path, "/"))
	}
}
