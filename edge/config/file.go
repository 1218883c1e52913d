package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// File is a decoded and checked configuration with its defaults. Paths in it are
// absolute or relative to the working directory, not to the folder of the file.
type File struct {
	// Name is the name of the file, as passed to Load or Parse.
	Name string

	// GuestConfig is what the guest is configured with. guestKeys has its keys.
	GuestConfig abi.Config
	// TrustedPeers are the networks whose forwarding and tenant headers are
	// trusted. The file may also name private_ranges and loopback.
	TrustedPeers []netip.Prefix
	// GuardHeaders are trusted only from trusted peers, AllowHeaders from all.
	GuardHeaders []string `key:"guard_headers,header"`
	AllowHeaders []string `key:"allow_headers,header"`
	// RouteByForwardedHost is forwarded_host: route.
	RouteByForwardedHost bool `key:"forwarded_host,one=refuse|route"`
	// TenantHeaderProof are the keys that prove tenant headers from other peers.
	TenantHeaderProof []ProofKey `key:"tenant_header_proof"`

	// Directory is the source of the dynamic tenants.
	Directory Directory `key:"directory"`

	// URLConfs are what serves each urlconf, by name.
	URLConfs map[string]URLConf `key:"urlconfs"`
	// Fallback is the urlconf for requests without a tenant; empty: 404.
	Fallback string `key:"fallback"`
	// ErrorPages are the files with the edge's own error pages, by status, 4xx or 5xx.
	ErrorPages map[string]string `key:"error_pages,path"`
	// Media is where the files of tenants are; nil: there are none.
	Media *Media `key:"media"`
	// SigningKeys are for URLs of files: the first one signs, all verify.
	SigningKeys []ProofKey `key:"signing_keys"`
	// WSTargets are what serves the routes of GuestConfig.WSURLConfs, by table and
	// route. If there are none, websockets are served like other requests.
	WSTargets map[string]map[string]websocket.Target
	// Websockets configures how they are served.
	Websockets Websockets `key:"websockets"`
	// Channels is the channel layer, for groups of websockets.
	Channels Channels `key:"channels"`
	// UpstreamHeaders carry the decision to upstreams.
	UpstreamHeaders upstream.Headers

	// Listeners are the addresses that accept requests.
	Listeners []Listener `key:"listeners"`
	// Admin is the address of /healthz, /readyz, /metrics, /tenants and /guest; empty:
	// none. It is a loopback address unless there are AdminTLS and AdminTokens.
	Admin string
	// Decide are the listeners on which other servers ask for decisions.
	Decide []Decide
	// AdminHosts are further host names, without ports, that Admin accepts.
	AdminHosts []string `key:"admin_hosts"`
	// AdminTLS are the certificates of Admin; empty: plain HTTP.
	AdminTLS []Certificate
	// AdminTokens allow their bearers to use Admin, with that of admin_token_env or
	// admin_token_file; without any there is no /guest.
	AdminTokens []AdminToken `key:"admin_tokens"`
	// AuditLog is a file of JSON lines with the changes of the guest; empty: none.
	AuditLog string `key:"audit_log,path"`

	// Sessions configures how the router session reads sessions; nil: it cannot.
	Sessions *Sessions `key:"sessions"`
	// Queries are the statements that guests may run, by name.
	Queries map[string]Query `key:"queries"`
	// Limits bound time and size.
	Limits Limits `key:"limits"`
	// Logs configures the logs.
	Logs Logs `key:"logs"`
	// ServerTiming says which clients get the cost of a request in the header
	// Server-Timing: "none", "trusted" peers or "all".
	ServerTiming string `key:"server_timing,one=none|trusted|all"`
	// Usage configures how the use of tenants is counted.
	Usage Usage `key:"usage"`
	// Tracing configures the traces of requests; nil: there are none.
	Tracing *Tracing `key:"tracing"`
	// Record configures the log of requests; nil: there is none.
	Record *Record `key:"record"`
	// Fleet is the group of edges that run the same guest; nil: the edge is in none.
	Fleet *Fleet `key:"fleet"`
	// Guest is the Wasm module that decides.
	Guest Guest `key:"guest"`
	// FallBackToPreviousGuest is on_guest_error: previous.
	FallBackToPreviousGuest bool `key:"on_guest_error,one=refuse|previous"`

	marks map[string]mark
}

// Edge returns the configuration of an edge, without the fields that need I/O
// (Guest, Directory, ProofKeys, Sessions, Queries, Channels) and those that a file
// cannot hold, such as handlers in Go.
func (f *File) Edge() edge.Config {
	upstream := f.UpstreamHeaders
	logRate := f.Limits.Guest.LogRate
	if logRate == 0 {
		logRate = -1
	}
	return edge.Config{
		GuestConfig:  f.GuestConfig,
		TrustedPeers: f.TrustedPeers, Upstream: &upstream,
		GuardHeaders: f.GuardHeaders, AllowHeaders: f.AllowHeaders, RouteByForwardedHost: f.RouteByForwardedHost,
		Limits:                  f.Limits.Guest.edge(),
		GuestLogRate:            logRate,
		FileLimits:              edge.FileLimits{Bytes: f.Limits.Guest.FileBytes, Open: f.Limits.Guest.OpenFiles},
		FallBackToPreviousGuest: f.FallBackToPreviousGuest, IgnoreUnreadableSessions: f.Sessions != nil && f.Sessions.IgnoreUnreadable,
		Websockets: websocket.Config{
			Targets: f.WSTargets, Origins: f.Websockets.Origins, OriginsAttribute: f.Websockets.OriginsAttribute,
			WithoutOrigin: f.Websockets.WithoutOrigin, Compression: f.Websockets.Compression,
			Limits: f.Limits.websocket(),
		},
	}
}

// Limits bound time and size. 0 means no limit, unless the field says otherwise.
type Limits struct {
	ReadHeaderTimeout     time.Duration `key:"read_header_timeout"`
	IdleTimeout           time.Duration `key:"idle_timeout"`
	BodyTimeout           time.Duration `key:"body_timeout"`
	AnswerTimeout         time.Duration `key:"answer_timeout"`
	MinRate               int64         `key:"min_rate,bytes"`         // 0: 1 KiB a second
	Connections           int           `key:"connections"`            // 0: derived from the file descriptors of the process
	TenantRequests        int           `key:"tenant_requests"`        // 0: half of Connections
	MaxHeaderBytes        int           `key:"max_header_bytes,bytes"` // 0: the default of net/http
	MaxBodyBytes          int64         `key:"max_body_bytes,bytes"`
	DialTimeout           time.Duration `key:"dial_timeout"`
	ResponseHeaderTimeout time.Duration `key:"response_header_timeout"`
	MaxAnswerHeaderBytes  int64         `key:"max_answer_header_bytes,bytes"` // 0: 64 KiB
	MaxAnswerHeaders      int           `key:"max_answer_headers"`            // 0: 500
	FileCache             int64         `key:"file_cache,bytes"`              // small files that are kept in memory; 0: none
	ShutdownTimeout       time.Duration `key:"shutdown_timeout"`              // 0: open requests are interrupted at once
	ShutdownLinger        time.Duration `key:"shutdown_linger"`               // how long a shutdown waits for one more request on idle connections
	Guest                 GuestLimits   `key:"guest"`

	Websocket WebsocketLimits `key:"websocket"`
}

// GuestLimits bound what a guest uses, see edge.GuestLimits and edge.FileLimits. 0
// means the default of those types.
type GuestLimits struct {
	Fuel         int           `key:"fuel"`
	Deadline     time.Duration `key:"deadline,min=1"`
	Memory       int64         `key:"memory,bytes"`
	Stack        int           `key:"stack"`
	Instances    int           `key:"instances"`
	QueueTimeout time.Duration `key:"queue_timeout,min=1"`
	Audit        int           `key:"audit"`
	FileBytes    int64         `key:"file_bytes,bytes"`
	OpenFiles    int           `key:"open_files,min=1"`
	LogRate      int64         `key:"log_rate,bytes"` // a second, of all guests together; 0: no limit
}

// setDefaults sets the limits to the defaults of package edge, except Instances,
// which depends on the machine.
func (l *GuestLimits) setDefaults() {
	var guest edge.GuestLimits
	guest.SetDefaults()
	var files edge.FileLimits
	files.SetDefaults()
	*l = GuestLimits{
		Fuel: int(guest.Fuel), Deadline: guest.Deadline, Memory: guest.Memory, Stack: guest.Stack,
		QueueTimeout: guest.QueueTimeout, Audit: guest.Audit,
		FileBytes: files.Bytes, OpenFiles: files.Open, LogRate: edge.DefaultGuestLogRate,
	}
}

func (l GuestLimits) edge() edge.GuestLimits {
	return edge.GuestLimits{
		Fuel: uint64(l.Fuel), Deadline: l.Deadline, Memory: l.Memory, Stack: l.Stack,
		Instances: l.Instances, QueueTimeout: l.QueueTimeout, Audit: l.Audit,
	}
}

// Logs configures the logs.
type Logs struct {
	// Format is "text", "json", or "auto", which is text on a terminal, else JSON.
	Format string     `key:"format,one=auto|text|json"`
	Level  slog.Level `key:"level"`
	// Access adds a line for every request.
	Access bool `key:"access"`
	// Cost adds what the request cost to the lines of Access.
	Cost bool `key:"cost"`
}
