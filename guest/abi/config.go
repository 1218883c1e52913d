package abi

import "encoding/json"

// Config is the JSON that te_configure receives. Lists are in the order of the
// configuration file; the first entry wins.
type Config struct {
	ABI              int      `json:"abi"`                // Version
	Compat           string   `json:"compat"`             // "hardened" or "strict"
	Routers          []string `json:"routers"`            // "domain", "header", "session", in order
	Conflicts        string   `json:"conflicts"`          // "refuse" or "last-wins"
	TenantHeader     string   `json:"tenant_header"`      // default "tenant"
	TenantSessionKey string   `json:"tenant_session_key"` // default "tenant"

	Tenants []StaticTenant `json:"tenants"` // static tenants, without "public" and "default"
	Default *DefaultTenant `json:"default"` // nil: there are only static tenants

	WSURLConfs map[string][]WSRoute `json:"ws_urlconfs,omitempty"`
	// Settings are the guest's own settings, unchanged from the configuration.
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
	// upstreams; at most 16. The host removes these headers from every client's
	// request, in any spelling that an application could read as the name.
	SetHeaders []string `json:"set_headers,omitempty"`
	// Error rejects the configuration: which key is wrong, and why.
	Error string `json:"error,omitempty"`
}
