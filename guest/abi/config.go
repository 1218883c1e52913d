package abi

// Config is what a guest is configured with: the JSON that te_configure receives.
// The host fills in the defaults, see [Config.SetDefaults].
type Config struct {
	ABI              int       `json:"abi"`                // Version; set by the host
	Compat           Compat    `json:"compat"`             // default Hardened
	Routers          []Router  `json:"routers"`            // in order, each at most once; default only ByDomain
	Conflicts        Conflicts `json:"conflicts"`          // default RefuseConflicts
	TenantHeader     string    `json:"tenant_header"`      // the request header that names a tenant; default "tenant"
	TenantSessionKey string    `json:"tenant_session_key"` // the session key that names a tenant; default "tenant"

	// Tenants is the TENANTS table without "public" and "default", in order: the
	// first entry wins.
	Tenants []StaticTenant `json:"tenants"`
	Default *DefaultTenant `json:"default"` // the entry for all dynamic tenants; nil: there are none

	WSURLConfs map[string][]WSRoute `json:"ws_urlconfs,omitempty"` // websocket route tables by name; the first route wins
	Settings   JSON                 `json:"settings,omitempty"`    // the guest's own settings, any JSON
}

// JSON is a JSON value that is not decoded, like json.RawMessage. Importing
// encoding/json would make guests larger.
type JSON []byte

// MarshalJSON implements json.Marshaler.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j == nil {
		return []byte("null"), nil
	}
	return j, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (j *JSON) UnmarshalJSON(value []byte) error {
	*j = append((*j)[:0], value...)
	return nil
}

// SetDefaults sets ABI, and each of the fields up to TenantSessionKey that is empty.
func (c *Config) SetDefaults() {
	c.ABI = Version
	if c.Compat == "" {
		c.Compat = Hardened
	}
	if len(c.Routers) == 0 {
		c.Routers = []Router{ByDomain}
	}
	if c.Conflicts == "" {
		c.Conflicts = RefuseConflicts
	}
	// The names are those of django-pgschemas.
	if c.TenantHeader == "" {
		c.TenantHeader = "tenant"
	}
	if c.TenantSessionKey == "" {
		c.TenantSessionKey = "tenant"
	}
}

// Compat selects the rules by which a guest routes.
type Compat string

// The rules.
const (
	Hardened Compat = "hardened" // safer than those of django-pgschemas
	Strict   Compat = "strict"   // those of django-pgschemas, for teams that migrate
)

// Conflicts says what happens to a request for which the routers find different
// tenants.
type Conflicts string

// What happens to a conflict.
const (
	RefuseConflicts Conflicts = "refuse"    // it is answered with 421
	LastWins        Conflicts = "last-wins" // the last router that finds a tenant decides
)

// StaticTenant is an entry of the TENANTS table.
type StaticTenant struct {
	Schema          string   `json:"schema"`
	Domains         []string `json:"domains,omitempty"`
	FallbackDomains []string `json:"fallback_domains,omitempty"`
	URLConf         string   `json:"urlconf,omitempty"`
	WSURLConf       string   `json:"ws_urlconf,omitempty"`
	Header          *string  `json:"header,omitempty"`
	SessionKey      *string  `json:"session_key,omitempty"`
}

// DefaultTenant is the entry for all dynamic tenants. Package tenancy has the rules
// by which attributes choose, in Place.
type DefaultTenant struct {
	URLConf        string `json:"urlconf,omitempty"`
	WSURLConf      string `json:"ws_urlconf,omitempty"`
	CloneReference string `json:"clone_reference,omitempty"`

	Status      *Choice `json:"status,omitempty"`        // precedes the other two; nil: all tenants are in service
	URLConfBy   *Choice `json:"urlconf_by,omitempty"`    // nil: URLConf serves all tenants
	WSURLConfBy *Choice `json:"ws_urlconf_by,omitempty"` // nil: WSURLConf serves all tenants
}

// Choice chooses a urlconf by an attribute of the tenant's row: one of the columns
// that directory.attributes lists.
type Choice struct {
	Attribute string            `json:"attribute"`
	Values    map[string]string `json:"values"` // names of urlconfs, by value of the attribute
}

// WSRoute is one entry of a websocket route table: either a path with Django's
// converters or a regular expression.
type WSRoute struct {
	Path  *string `json:"path,omitempty"`
	Regex *string `json:"regex,omitempty"`
	Name  string  `json:"name"`
}

// Configured is the JSON with which te_configure replies.
type Configured struct {
	// Headers names the request headers whose values the host sends with each
	// request, in any case; at most 16.
	Headers []string `json:"headers,omitempty"`
	// AuthorizeHeaders names the headers for te_authorize, such as Cookie; at most
	// 16.
	AuthorizeHeaders []string `json:"authorize_headers,omitempty"`
	// LookAhead asks the host to prefetch a record: see [FirstSegment].
	LookAhead bool `json:"look_ahead,omitempty"`
	// Name and Version describe the guest in logs and reports.
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	// Consumer reports that the guest handles websockets: see [ExportOpen].
	Consumer bool `json:"consumer,omitempty"`
	// ConsumerHeaders names the headers for each handshake of a websocket that the
	// guest handles; at most 16.
	ConsumerHeaders []string `json:"consumer_headers,omitempty"`
	// SetHeaders names the headers that the guest may set in requests to
	// upstreams; at most 16. A decision that sets another one is malformed. The host
	// removes these headers from every client's request, in any spelling that an
	// application could read as the name.
	SetHeaders []string `json:"set_headers,omitempty"`
	// Error rejects the configuration: which key is wrong, and why.
	Error string `json:"error,omitempty"`
}
