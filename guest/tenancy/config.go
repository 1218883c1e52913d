package tenancy

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// static is a static tenant.
type static struct {
	schema             string
	urlconf, wsURLConf string
}

// Router decides requests for one configuration. It is immutable, and safe for
// concurrent use with a Decision for each goroutine.
type Router struct {
	strict   bool
	lastWins bool
	routers  []Kind
	dynamic  bool // there are dynamic tenants
	placed   bool // attributes choose what serves them
	defaults abi.DefaultTenant

	statics []static
	// Indices into statics. If several tenants have a name, the first one wins.
	domains   map[string]int // by DOMAINS
	fallbacks map[string]int // by FALLBACK_DOMAINS
	owners    map[string]int // by DOMAINS and FALLBACK_DOMAINS, for strict rules
	headers   map[string]int // by schema name and HEADER
	sessions  map[string]int // by schema name and SESSION_KEY

	headerNames []string // headers that Route reads
	wsHeader    int      // index in headerNames of the header that strict rules read for websockets, or -1
	wsTables    map[string][]wsRoute
}

// New returns a Router for a configuration. An error names the wrong key.
func New(c *abi.Config) (*Router, error) {
	r := &Router{
		domains: map[string]int{}, fallbacks: map[string]int{}, owners: map[string]int{},
		headers: map[string]int{}, sessions: map[string]int{}, wsHeader: -1,
		wsTables: map[string][]wsRoute{},
	}
	if c.ABI != abi.Version {
		return nil, errors.New("abi: is " + strconv.Itoa(c.ABI) + ", expected " + strconv.Itoa(abi.Version))
	}
	withDefaults := *c
	c = &withDefaults
	c.SetDefaults()
	if err := r.setModes(c); err != nil {
		return nil, err
	}
	r.setHeaderNames(c)
	for i := range c.Tenants {
		if err := r.addStatic(&c.Tenants[i]); err != nil {
			return nil, at("tenants["+c.Tenants[i].Schema+"].", err)
		}
	}
	if err := r.setDefaults(c.Default); err != nil {
		return nil, at("default.", err)
	}
	for name, routes := range c.WSURLConfs {
		table, err := compileRoutes(routes)
		if err != nil {
			return nil, at("ws_urlconfs["+name+"]", err)
		}
		r.wsTables[name] = table
	}
	return r, nil
}

// at returns err with the path of the key that it is about before it. Package fmt
// would make the guest larger.
func at(path string, err error) error { return errors.New(path + err.Error()) }

// unexpected is the error of a key that has none of the expected values.
func unexpected(key, found string, expected ...string) error {
	list := lexeme.Quote(expected[0])
	for i, value := range expected[1:] {
		if i+2 == len(expected) {
			list += " or " + lexeme.Quote(value)
		} else {
			list += ", " + lexeme.Quote(value)
		}
	}
	return errors.New(key + ": is " + lexeme.Quote(found) + ", expected " + list)
}

// setModes reads the keys compat, conflicts and routers.
func (r *Router) setModes(c *abi.Config) error {
	switch c.Compat {
	case abi.Hardened:
	case abi.Strict:
		r.strict = true
	default:
		return unexpected("compat", string(c.Compat), string(abi.Hardened), string(abi.Strict))
	}
	switch c.Conflicts {
	case abi.RefuseConflicts:
	case abi.LastWins:
		r.lastWins = true
	default:
		return unexpected("conflicts", string(c.Conflicts), string(abi.RefuseConflicts), string(abi.LastWins))
	}
	for i, name := range c.Routers {
		kind := map[abi.Router]Kind{abi.ByDomain: ByDomain, abi.ByHeader: ByHeader, abi.BySession: BySession}[name]
		if kind == Unrouted {
			return unexpected("routers["+strconv.Itoa(i)+"]", string(name), string(abi.ByDomain), string(abi.ByHeader), string(abi.BySession))
		}
		for _, earlier := range r.routers {
			if earlier == kind {
				return errors.New("routers[" + strconv.Itoa(i) + "]: " + lexeme.Quote(string(name)) + " is listed twice")
			}
		}
		r.routers = append(r.routers, kind)
	}
	return nil
}

// setHeaderNames lists the headers that the host must send. Over HTTP, Django
// treats underscores in the name of a header as hyphens. For websockets, the
// reference compares the configured name byte by byte with names in lower case.
func (r *Router) setHeaderNames(c *abi.Config) {
	if !r.routes(ByHeader) {
		return
	}
	name := c.TenantHeader
	if !r.strict {
		r.headerNames, r.wsHeader = []string{name}, 0
		return
	}
	r.headerNames = []string{replaceByte(name, '_', '-')}
	if underscored := replaceByte(name, '-', '_'); underscored != r.headerNames[0] {
		r.headerNames = append(r.headerNames, underscored)
	}
	for i := range len(name) {
		if name[i] != lowerByte(name[i]) {
			return
		}
	}
	for i, n := range r.headerNames {
		if n == name {
			r.wsHeader = i
		}
	}
	if r.wsHeader < 0 {
		r.headerNames = append(r.headerNames, name)
		r.wsHeader = len(r.headerNames) - 1
	}
}

// Headers returns the names of the headers whose values Request.Headers must have,
// in that order.
func (r *Router) Headers() []string { return r.headerNames }

// routes reports whether the configuration has a router of kind k.
func (r *Router) routes(k Kind) bool {
	for _, kind := range r.routers {
		if kind == k {
			return true
		}
	}
	return false
}

// isSchemaName reports whether s can be the schema of a static tenant.
func isSchemaName(s string) bool {
	for i := range len(s) {
		c := lowerByte(s[i])
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != "" && len(s) <= 63 && (len(s) < 3 || !strings.EqualFold(s[:3], "pg_"))
}

func (r *Router) addStatic(t *abi.StaticTenant) error {
	if !isSchemaName(t.Schema) {
		return errors.New("schema: " + lexeme.Quote(t.Schema) + " is not a schema name: expected a letter or _, then up to 62 letters, digits or _, not beginning with pg_")
	}
	switch t.Schema {
	case "public", "default":
		return errors.New("schema: " + lexeme.Quote(t.Schema) + " cannot be a static tenant")
	}
	for i := range r.statics {
		if r.statics[i].schema == t.Schema {
			return errors.New("schema: is listed twice")
		}
	}
	index := len(r.statics)
	r.statics = append(r.statics, static{t.Schema, t.URLConf, t.WSURLConf})
	if err := r.addDomains(r.domains, t.Domains, index); err != nil {
		return at("domains", err)
	}
	if err := r.addDomains(r.fallbacks, t.FallbackDomains, index); err != nil {
		return at("fallback_domains", err)
	}
	setFirst(r.headers, t.Schema, index)
	setFirst(r.sessions, t.Schema, index)
	if t.Header != nil {
		setFirst(r.headers, *t.Header, index)
	}
	if t.SessionKey != nil {
		setFirst(r.sessions, *t.SessionKey, index)
	}
	return nil
}

func (r *Router) setDefaults(d *abi.DefaultTenant) error {
	if d == nil {
		return nil
	}
	r.dynamic, r.defaults = true, *d
	for _, c := range [...]struct {
		key string
		*abi.Choice
	}{{"status", d.Status}, {"urlconf_by", d.URLConfBy}, {"ws_urlconf_by", d.WSURLConfBy}} {
		if c.Choice == nil {
			continue
		}
		r.placed = true
		if c.Attribute == "" {
			return errors.New(c.key + ".attribute: expected the name of a column of the tenant's row, found none")
		}
		if len(c.Values) == 0 {
			return errors.New(c.key + ".values: expected at least one value of the attribute, found none")
		}
		for value, name := range c.Values {
			if name == "" {
				return errors.New(c.key + ".values: expected the name of a urlconf for " + lexeme.Quote(value) + ", found none")
			}
		}
	}
	return nil
}

func (r *Router) addDomains(index map[string]int, domains []string, tenant int) error {
	for i, domain := range domains {
		if !r.strict {
			normal, err := NormalizeHost(domain)
			if err != nil {
				return at("["+strconv.Itoa(i)+"]: ", err)
			}
			domain = normal
		}
		setFirst(index, domain, tenant)
		setFirst(r.owners, domain, tenant)
	}
	return nil
}

// setFirst sets the tenant of a name, unless an earlier tenant has the name.
func setFirst(index map[string]int, name string, at int) {
	if _, exists := index[name]; !exists {
		index[name] = at
	}
}
