package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// strictly decides as the reference does. Requests at which the reference crashes
// are refused or routed.
func (c *call) strictly() {
	d := c.d
	if c.req.Websocket {
		c.path = d.asgiPath(c.req.Target)
	} else {
		c.path = d.djangoPath(c.req.Target)
	}
	var winner *finding
	var urlconf string
	for i, kind := range c.routers {
		f := c.begin(i)
		if !c.findStrict(kind, f) {
			return
		}
		if f.kind == Unrouted {
			continue
		}
		winner = f
		// A tenant without urlconf keeps the one that an earlier router set.
		if own := c.strictURLConf(f); own != "" {
			urlconf = own
		}
	}
	if winner == nil {
		c.strictNone()
		return
	}
	c.fill(winner)
	d.URLConf, d.WSURLConf = urlconf, c.strictWSURLConf(winner)
	if c.placed && winner.static < 0 && !c.place(winner) {
		return
	}
	d.Path = c.strictPath(winner.folder)
	c.accept(winner)
	if c.req.Websocket {
		c.strictWebsocket(winner.folder)
	}
}

// strictNone decides a request for which no router found a tenant: it continues
// without one, and a websocket handshake is refused.
func (c *call) strictNone() {
	if c.req.Websocket {
		c.d.Refuse(abi.Missing, "no router finds a tenant for the handshake")
		return
	}
	c.d.Outcome, c.d.Path = abi.None, c.path
	c.d.Reason = "no router finds a tenant, and the request continues without one"
}

// findStrict runs one router. It returns false if the router decided the request.
func (c *call) findStrict(kind Kind, f *finding) bool {
	switch kind {
	case ByDomain:
		return c.strictDomain(f)
	case ByHeader:
		return c.strictHeader(f)
	default:
		return c.strictSession(f)
	}
}

// strictDomain is the domain router. It returns false if it decided the request, by
// a refusal or a redirect. Over HTTP it refuses a request without a tenant.
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
			c.d.Refuse(abi.Missing, "no domain row can have the host and the first segment of the path")
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

// strictHost returns the hostname to compare, or false if it refused the request.
// Without a Host, Django uses the server's name, which no tenant has; for
// websockets the name is empty. Of a repeated Host, websockets use the last one.
func (c *call) strictHost() (host string, known bool) {
	host = c.req.Host
	if c.req.Websocket {
		host = host[strings.LastIndexByte(host, '\n')+1:]
		if !utf8.ValidString(host) {
			c.d.Refuse(abi.BadRequest, "the Host is not UTF-8")
			return "", false
		}
		return djangoHostname(host), true
	}
	if !c.req.HasHost {
		c.d.Refuse(abi.Missing, "the request has no Host")
		return "", false
	}
	if !djangoAccepts(host) {
		c.d.Refuse(abi.BadRequest, "Django rejects the Host")
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
		c.d.Refuse(abi.Missing, "the tenant has several primary domain rows")
		return false
	}
	path := c.path
	if f.folder != "" {
		var ok bool
		if path, ok = stripFolder(c.path, f.folder); !ok {
			c.d.Refuse(abi.BadRequest, "the reference redirects with the folder as a regular expression, and it is not a valid one")
			return false
		}
	}
	c.d.strictRedirect(primary, path)
	return false
}

// strictPath returns the path without the folder. A folder that is not a valid
// regular expression is compared literally, as the reference's URL resolver does;
// only its redirects use the expression.
func (c *call) strictPath(folder string) string {
	if folder == "" {
		return c.path
	}
	path, ok := stripFolder(c.path, folder)
	if !ok && !c.req.Websocket {
		if rest, found := strings.CutPrefix(path, "/"+folder+"/"); found {
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

// strictHeaderValue returns the tenant header. Repeated headers are joined by
// commas, which no reference contains; for websockets the last one counts.
func (c *call) strictHeaderValue() string {
	if c.req.Websocket {
		if c.wsHeader < 0 {
			return ""
		}
		value, _ := c.req.header(c.wsHeader)
		return value[strings.LastIndexByte(value, '\n')+1:]
	}
	var value string
	for i := range c.headerNames {
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

// joined returns the values of the header, joined by commas.
func (c *call) joined() string {
	start := len(c.d.scratch)
	for i := range c.headerNames {
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

// strictSession is the session router. It ignores values other than text: the
// reference finds no tenant for a list, and crashes at numbers and objects.
func (c *call) strictSession(f *finding) bool {
	value, form := c.d.session(c.req)
	switch {
	case form != sessionText:
		f.kind = Unrouted
		return true
	case c.dynamic && strings.IndexByte(value, 0) >= 0:
		c.d.Refuse(abi.BadRequest, "the session value has a NUL, which the database rejects")
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

// owner returns the static tenant whose urlconfs the reference uses: if found by
// domain, the first tenant with the host among its domains or fallback domains,
// else the tenant that was found.
func (r *Router) owner(f *finding) *static {
	if f.kind == ByDomain {
		return &r.statics[r.owners[f.domain]]
	}
	return &r.statics[f.static]
}

func (r *Router) strictURLConf(f *finding) string {
	if f.static < 0 {
		return r.defaults.URLConf
	}
	return r.owner(f).urlconf
}

// strictWSURLConf returns the websocket route table. A static tenant without one
// uses the default's if it was found by domain and has a table for HTTP. (Releases
// up to 0.16 route websockets only by domain and use the default's; later ones also
// route by header, and have no table for a tenant found that way.)
func (r *Router) strictWSURLConf(f *finding) string {
	if f.static < 0 {
		return r.defaults.WSURLConf
	}
	owner := r.owner(f)
	if owner.wsURLConf == "" && f.kind == ByDomain && owner.urlconf != "" {
		return r.defaults.WSURLConf
	}
	return owner.wsURLConf
}
