package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// strictly decides as the reference does, where it does not crash. Where it
// does, the request is refused.
func (c *call) strictly() {
	d := c.d
	if c.req.Websocket {
		c.path = d.asgiPath(c.req.Target)
	} else {
		c.path = d.djangoPath(c.req.Target)
	}
	var prevailing *finding
	var urlconf string
	for i, kind := range c.routers {
		f := c.begin(i)
		if !c.askStrict(kind, f) {
			return
		}
		if f.kind == Unrouted {
			continue
		}
		prevailing = f
		// A tenant without urlconf leaves the one that an earlier router set.
		if own := c.strictURLConf(f); own != "" {
			urlconf = own
		}
	}
	if prevailing == nil {
		c.strictNone()
		return
	}
	c.fill(prevailing)
	d.URLConf, d.WSURLConf = urlconf, c.strictWSURLConf(prevailing)
	d.Path = c.strictPath(prevailing.folder)
	c.found(prevailing)
	if c.req.Websocket {
		c.strictWebsocket(prevailing.folder)
	}
}

// strictNone ends a request for which no router found a tenant. It goes on
// without one, save a handshake, which has nothing to go on to.
func (c *call) strictNone() {
	if c.req.Websocket {
		c.d.Refuse(abi.Missing, "no router finds a tenant for the handshake")
		return
	}
	c.d.Outcome, c.d.Path = abi.None, c.path
	c.d.Reason = "no router finds a tenant, and the reference lets the request go on without one"
}

func (c *call) askStrict(kind Kind, f *finding) bool {
	switch kind {
	case ByDomain:
		return c.strictDomain(f)
	case ByHeader:
		return c.strictHeader(f)
	default:
		return c.strictSession(f)
	}
}

// strictDomain is the domain router. Over HTTP, finding nothing ends the
// request, and so does a redirect.
func (c *call) strictDomain(f *finding) bool {
	host, known := c.strictHost()
	if !known {
		return false
	}
	f.domain = host
	if at, ok := c.domains[host]; ok {
		f.static, f.reason = at, byStatic
		return true
	}
	if c.dynamic {
		prefix, ok := secondPart(c.path)
		if !ok || strings.IndexByte(prefix, 0) >= 0 || strings.IndexByte(host, 0) >= 0 {
			c.d.Refuse(abi.Missing, "the path has no first segment that a domain row could have")
			return false
		}
		if c.dir.ByDomain(host, prefix, &f.record) {
			return c.strictRow(f, prefix)
		}
	}
	if at, ok := c.fallbacks[host]; ok {
		f.static, f.reason = at, byFallback
		return true
	}
	f.kind = Unrouted
	if c.req.Websocket {
		return true
	}
	c.d.Refuse(abi.Missing, "the domain router finds no tenant")
	return false
}

// strictHost gives the hostname that is compared. Without a Host, Django falls
// back to the server's own name, which is no tenant's; a websocket scope then
// has an empty one. Of a repeated Host, the last one counts for websockets.
func (c *call) strictHost() (host string, known bool) {
	host = c.req.Host
	if c.req.Websocket {
		host = host[strings.LastIndexByte(host, '\n')+1:]
		if !utf8.ValidString(host) {
			c.d.Refuse(abi.BadRequest, "the Host is no UTF-8")
			return "", false
		}
		return djangoHostname(host), true
	}
	if !c.req.HasHost {
		c.d.Refuse(abi.Missing, "there is no Host")
		return "", false
	}
	if !djangoAccepts(host) {
		c.d.Refuse(abi.BadRequest, "Django refuses the Host")
		return "", false
	}
	return djangoHostname(host), true
}

func (c *call) strictRow(f *finding, prefix string) bool {
	f.reason = byRow
	if prefix != "" && f.record.Folder == prefix {
		f.folder, f.reason = prefix, byFolder
	}
	if !f.record.RedirectToPrimary || c.req.Websocket {
		return true
	}
	primary := &c.d.primary
	if !c.dir.Primary(f.record.ID, primary) {
		return true
	}
	c.fill(f)
	if primary.Ambiguous {
		c.d.Refuse(abi.Missing, "several domain rows claim to be the tenant's primary one")
		return false
	}
	path := c.path
	if f.folder != "" {
		var ok bool
		if path, ok = stripFolder(c.path, f.folder); !ok {
			c.d.Refuse(abi.BadRequest, "the folder is no regular expression, as which the reference uses it in redirects")
			return false
		}
	}
	c.d.strictRedirect(primary, path)
	return false
}

// strictPath is the path without the folder. A folder that is no regular
// expression is taken literally, as the reference's URL resolver takes every
// folder: only its redirects need the expression.
func (c *call) strictPath(folder string) string {
	if folder == "" {
		return c.path
	}
	path, ok := stripFolder(c.path, folder)
	if !ok && !c.req.Websocket {
		if rest, cut := strings.CutPrefix(path, "/"+folder+"/"); cut {
			return path[len(path)-len(rest)-1:]
		}
	}
	return path
}

func (c *call) strictHeader(f *finding) bool {
	value := c.strictHeaderValue()
	if value == "" || !c.req.Trusted {
		f.kind = Unrouted
		return true
	}
	c.strictReference(f, c.headers, value)
	return true
}

// strictHeaderValue reads the tenant header. Repeated ones are joined by a
// comma, which no reference has; for websockets the last one counts.
func (c *call) strictHeaderValue() string {
	if c.req.Websocket {
		if c.exact < 0 {
			return ""
		}
		value, _ := c.req.header(c.exact)
		return value[strings.LastIndexByte(value, '\n')+1:]
	}
	var value string
	for i := range c.asked {
		if v, ok := c.req.header(i); ok {
			if value != "" {
				return c.joined()
			}
			value = v
		}
	}
	if strings.IndexByte(value, '\n') >= 0 {
		return c.joined()
	}
	return value
}

// joined is the header's values with commas between them.
func (c *call) joined() string {
	start := len(c.d.scratch)
	for i := range c.asked {
		value, ok := c.req.header(i)
		if !ok {
			continue
		}
		if len(c.d.scratch) > start {
			c.d.scratch = append(c.d.scratch, ',')
		}
		for j := range len(value) {
			b := value[j]
			if b == '\n' {
				b = ','
			}
			c.d.scratch = append(c.d.scratch, b)
		}
	}
	return c.d.text(start)
}

// strictSession is the session router. A value that is no text names no tenant:
// the reference finds none for a list, and crashes at numbers and objects.
func (c *call) strictSession(f *finding) bool {
	value, form := c.d.session(c.req)
	switch {
	case form != sessionText:
		f.kind = Unrouted
		return true
	case c.dynamic && strings.IndexByte(value, 0) >= 0:
		c.d.Refuse(abi.BadRequest, "the session names the tenant by text with a NUL, which the database refuses")
		return false
	}
	c.strictReference(f, c.sessions, value)
	return true
}

func (c *call) strictReference(f *finding, index map[string]int, ref string) {
	f.reference = ref
	if !c.staticReference(index, f, ref) && !c.dynamicReference(f, ref) {
		f.kind = Unrouted
	}
}

// owner is the static tenant whose urlconfs the reference takes: the first
// whose domains, of either sort, have the host, or the tenant itself where
// there is no host to go by.
func (r *Router) owner(f *finding) *static {
	if f.kind == ByDomain {
		return &r.statics[r.served[f.domain]]
	}
	return &r.statics[f.static]
}

func (r *Router) strictURLConf(f *finding) string {
	if f.static < 0 {
		return r.fallback.URLConf
	}
	return r.owner(f).urlconf
}

// strictWSURLConf falls back to the default's table for static tenants that
// are found by domain and have a table for HTTP. (Releases up to 0.16 route
// websockets by domain alone and fall back so; later ones route by header too,
// and have no table for such a tenant.)
func (r *Router) strictWSURLConf(f *finding) string {
	if f.static < 0 {
		return r.fallback.WSURLConf
	}
	owner := r.owner(f)
	if owner.wsURLConf == "" && f.kind == ByDomain && owner.urlconf != "" {
		return r.fallback.WSURLConf
	}
	return owner.wsURLConf
}
