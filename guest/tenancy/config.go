package tenancy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Values of the configuration.
const (
	hardened   = "hardened"
	strict     = "strict"
	refuse     = "refuse"
	lastWins   = "last-wins"
	byDomain   = "domain"
	byHeader   = "header"
	bySession  = "session"
	defaultRef = "tenant" // name of header and session key
)

// static is a static tenant, as it is asked for.
type static struct {
	schema             string
	urlconf, wsURLConf string
}

// Router decides for one configuration. It does not change, so that many
// goroutines may use it, each with its own Decision.
type Router struct {
	strict   bool
	lastWins bool
	routers  []Kind
	dynamic  bool // there are dynamic tenants
	fallback abi.DefaultTenant

	statics   []static
	domains   map[string]int // of DOMAINS: the first static tenant that has it
	fallbacks map[string]int // of FALLBACK_DOMAINS
	served    map[string]int // of either: whose urlconf strict rules take
	headers   map[string]int // schema names and HEADER
	sessions  map[string]int // schema names and SESSION_KEY

	asked    []string // headers that Route wants to see
	exact    int      // index in asked of the header as websockets compare it, -1 for none
	wsTables map[string][]wsRoute
}

var schemaName = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9]{0,62}$`)

// New makes a Router of a configuration. An error names the key that is wrong
// and says why.
func New(c *abi.Config) (*Router, error) {
	r := &Router{
		domains: map[string]int{}, fallbacks: map[string]int{}, served: map[string]int{},
		headers: map[string]int{}, sessions: map[string]int{}, exact: -1,
		wsTables: map[string][]wsRoute{},
	}
	if c.ABI != abi.Version {
		return nil, fmt.Errorf("abi: is %d, expected %d", c.ABI, abi.Version)
	}
	if err := r.choose(c); err != nil {
		return nil, err
	}
	r.ask(c)
	for i := range c.Tenants {
		if err := r.addStatic(&c.Tenants[i]); err != nil {
			return nil, fmt.Errorf("tenants[%s].%w", c.Tenants[i].Schema, err)
		}
	}
	if c.Default != nil {
		r.dynamic, r.fallback = true, *c.Default
	}
	for name, routes := range c.WSURLConfs {
		table, err := compileRoutes(routes)
		if err != nil {
			return nil, fmt.Errorf("ws_urlconfs[%s]%w", name, err)
		}
		r.wsTables[name] = table
	}
	return r, nil
}

// choose reads the keys that take one of a few words.
func (r *Router) choose(c *abi.Config) error {
	switch c.Compat {
	case hardened, "":
	case strict:
		r.strict = true
	default:
		return fmt.Errorf("compat: is %q, expected %q or %q", c.Compat, hardened, strict)
	}
	switch c.Conflicts {
	case refuse, "":
	case lastWins:
		r.lastWins = true
	default:
		return fmt.Errorf("conflicts: is %q, expected %q or %q", c.Conflicts, refuse, lastWins)
	}
	if len(c.Routers) == 0 {
		r.routers = []Kind{ByDomain}
	}
	for i, name := range c.Routers {
		kind := map[string]Kind{byDomain: ByDomain, byHeader: ByHeader, bySession: BySession}[name]
		if kind == Unrouted {
			return fmt.Errorf("routers[%d]: is %q, expected %q, %q or %q", i, name, byDomain, byHeader, bySession)
		}
		for _, earlier := range r.routers {
			if earlier == kind {
				return fmt.Errorf("routers[%d]: %q stands there twice", i, name)
			}
		}
		r.routers = append(r.routers, kind)
	}
	return nil
}

// ask lists the headers to be sent along with requests. Over HTTP, Django
// takes underscores in the name of a header for hyphens; websocket scopes have
// the names in lower case, and the reference compares them byte for byte.
func (r *Router) ask(c *abi.Config) {
	if !r.routes(ByHeader) {
		return
	}
	name := c.TenantHeader
	if name == "" {
		name = defaultRef
	}
	if !r.strict {
		r.asked, r.exact = []string{name}, 0
		return
	}
	r.asked = []string{strings.ReplaceAll(name, "_", "-")}
	if underscored := strings.ReplaceAll(name, "-", "_"); underscored != r.asked[0] {
		r.asked = append(r.asked, underscored)
	}
	if name != strings.ToLower(name) {
		return
	}
	for i, asked := range r.asked {
		if asked == name {
			r.exact = i
		}
	}
	if r.exact < 0 {
		r.asked = append(r.asked, name)
		r.exact = len(r.asked) - 1
	}
}

// Headers are the names of the headers that Route wants to see.
func (r *Router) Headers() []string { return r.asked }

func (r *Router) routes(k Kind) bool {
	for _, kind := range r.routers {
		if kind == k {
			return true
		}
	}
	return false
}

func (r *Router) addStatic(t *abi.StaticTenant) error {
	if !schemaName.MatchString(t.Schema) || strings.HasPrefix(strings.ToLower(t.Schema), "pg_") {
		return fmt.Errorf("schema: %q is no schema name: expected a letter or _, then up to 62 letters, digits or _, and not pg_ in front", t.Schema)
	}
	switch t.Schema {
	case "public", "default":
		return fmt.Errorf("schema: %q is no static tenant", t.Schema)
	}
	for i := range r.statics {
		if r.statics[i].schema == t.Schema {
			return fmt.Errorf("schema: stands there twice")
		}
	}
	at := len(r.statics)
	r.statics = append(r.statics, static{t.Schema, t.URLConf, t.WSURLConf})
	if err := r.addDomains(r.domains, t.Domains, at); err != nil {
		return fmt.Errorf("domains%w", err)
	}
	if err := r.addDomains(r.fallbacks, t.FallbackDomains, at); err != nil {
		return fmt.Errorf("fallback_domains%w", err)
	}
	claim(r.headers, t.Schema, at)
	claim(r.sessions, t.Schema, at)
	if t.Header != nil {
		claim(r.headers, *t.Header, at)
	}
	if t.SessionKey != nil {
		claim(r.sessions, *t.SessionKey, at)
	}
	return nil
}

func (r *Router) addDomains(index map[string]int, domains []string, at int) error {
	for i, domain := range domains {
		if !r.strict {
			normal, err := NormalizeHost(domain)
			if err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
			domain = normal
		}
		claim(index, domain, at)
		claim(r.served, domain, at)
	}
	return nil
}

// claim gives name to the tenant at, unless an earlier one has it.
func claim(index map[string]int, name string, at int) {
	if _, taken := index[name]; !taken {
		index[name] = at
	}
}
