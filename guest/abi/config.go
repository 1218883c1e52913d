package abi

import "encoding/json"

// Config is the JSON that te_configure gets. Lists keep the order of the
// configuration file: where it matters, the first entry wins.
type Config struct {
	ABI              int      `json:"abi"`                // Version
	Compat           string   `json:"compat"`             // "hardened" or "strict"
	Routers          []string `json:"routers"`            // "domain", "header", "session", in order
	Conflicts        string   `json:"conflicts"`          // "refuse" or "last-wins"
	TenantHeader     string   `json:"tenant_header"`      // default "tenant"
	TenantSessionKey string   `json:"tenant_session_key"` // default "tenant"

	Tenants []StaticTenant `json:"tenants"` // static tenants, "public" and "default" left out
	Default *DefaultTenant `json:"default"` // nil: there are static tenants alone

	WSURLConfs map[string][]WSRoute `json:"ws_urlconfs,omitempty"`
	// Settings are the guest's own, as they stand in the configuration.
	Settings json.RawMessage `json:"settings,omitempty"`
}

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

// DefaultTenant is the entry for all dynamic tenants.
type DefaultTenant struct {
	URLConf        string `json:"urlconf,omitempty"`
	WSURLConf      string `json:"ws_urlconf,omitempty"`
	CloneReference string `json:"clone_reference,omitempty"`
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
	// Headers are the request headers whose values the guest wants with each
	// request, by any case; at most 16.
	Headers []string `json:"headers,omitempty"`
	// AuthorizeHeaders are those that the guest wants with te_authorize, Cookie
	// say; at most 16.
	AuthorizeHeaders []string `json:"authorize_headers,omitempty"`
	// LookAhead asks for one more field behind the headers, see [FirstSegment].
	LookAhead bool `json:"look_ahead,omitempty"`
	// Name and Version say what the guest is, for people.
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	// Consumer says that the guest handles websockets: see [ExportOpen].
	Consumer bool `json:"consumer,omitempty"`
	// ConsumerHeaders are the request headers whose values the guest wants with
	// each handshake of a websocket that it handles; at most 16.
	ConsumerHeaders []string `json:"consumer_headers,omitempty"`
	// SetHeaders are the headers that the guest may set in requests to
	// upstreams, at most 16. What clients send under these names, in any spelling
	// that an application may take for one, never reaches an upstream, also where
	// a decision sets none.
	SetHeaders []string `json:"set_headers,omitempty"`
	// Error refuses the configuration; it says which key is wrong and why.
	Error string `json:"error,omitempty"`
}
