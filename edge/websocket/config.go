package websocket

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/http1"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Config configures websockets. With the zero value none is served: handshakes are
// passed on like other requests, except those from pages of other sites, which are
// rejected.
type Config struct {
	// Targets has the target of each route of abi.Config.WSURLConfs, by the names of
	// table and route. If there is one, every route must have one, and the Host
	// answers every handshake.
	Targets map[string]map[string]Target
	// Handlers are the handlers that Target.Handler names.
	Handlers map[string]Handler

	// Origins are allowed for all tenants, besides the tenant's own domains:
	// "https://app.example.com", "app.example.com" for http and https,
	// "*.example.com" for all subdomains, "*" for any origin.
	Origins []string
	// OriginsAttribute names an attribute of tenants that lists further origins of
	// the tenant, separated by white space or commas. Empty: none.
	OriginsAttribute string
	// WithoutOrigin accepts clients that send no Origin, as programs do, unless
	// they look like a browser.
	WithoutOrigin bool
	// Compression is "off" (default), "per-message", or "with-context", which
	// costs up to 32 KiB for each websocket and direction. For relayed websockets
	// the application and the client agree on compression.
	Compression string
	Limits      Limits
	// NoPoll gives every websocket a goroutine, even if none is needed.
	NoPoll bool
	// PassOn reports whether a tenant's handshake is passed on like other requests
	// although there are Targets, because the tenant is out of service; found says
	// whether a route matched. nil: none is.
	PassOn func(t *tenant.Tenant, found bool) bool
	// Deferred makes Host.Middleware pass handshakes on to its next handler, which
	// calls Host.ServeWebsocket for those that the targets serve.
	Deferred bool
	// Elsewhere counts the websockets of a tenant, by its key, that count for the same
	// limits although they are those of other Hosts, and the descriptors that they take:
	// Host.TenantWebsockets of those. nil: there are none.
	Elsewhere func(tenant string) (open, descriptors int)
	// Routed is called with each handshake before it is answered, for logs. Its
	// context has the tenant. May be nil.
	Routed func(*http.Request)
	// Answered is called with the time that an application took to answer a handshake
	// that is relayed to it, or to fail. May be nil.
	Answered func(*http.Request, time.Duration)
	// Accepted is called with the header of the answer before a handshake is accepted. It
	// may add to it. May be nil.
	Accepted func(*http.Request, http.Header)
	// Meter returns what counts the use of a tenant's websockets. It is released once none
	// of them is open. May be nil.
	Meter func(*tenant.Tenant) stats.Meter
}

// Target is what serves a route. Exactly one of Upstream, Consumer and
// Handler is set.
type Target struct {
	Upstream *url.URL // an application: scheme ws, wss, http or https
	Consumer bool     // the guest
	Handler  string   // a Handler, by its name in Config.Handlers

	Inner   bool // Upstream gets the path without the tenant's folder
	OwnHost bool // Upstream gets the Host of its URL, not the client's
	// Origins are allowed for this route, besides Config.Origins.
	Origins []string
}

// Limits bound the resources of clients. Fields that are 0 have their default.
type Limits struct {
	// For each tenant.
	Connections     int   // open websockets; more are rejected with 503. Default: no limit
	Descriptors     int   // file descriptors of websockets and their upstreams; more: 503. Default: no limit
	Messages, Burst int   // messages a second, and at once; more: close with 1013. Default: no limit, and Messages
	Queued          int64 // bytes queued for slow readers; the client that exceeds it: 1013. Default: no limit

	// Inflated bounds the bytes of inflated messages of all tenants that are being
	// handled; a tenant may use half; more: 1013. Default 16 times Message, at least
	// 256 MiB.
	Inflated int64

	// For each websocket.
	Message int64 // bytes of a message, after inflating; more: 1009. Default 16 MiB
	Queue   int   // bytes queued for the client; more: 1013. Default 256 KiB

	PingInterval     time.Duration // without anything received, after which a ping is sent; default 30 s
	PongTimeout      time.Duration // for the client to answer a ping; default 20 s
	IdleTimeout      time.Duration // without a message, then 1001; default: no limit
	HandshakeTimeout time.Duration // for writing the answer of a handshake, and for an application's answer; default 10 s
	DialTimeout      time.Duration // for connecting to an application; default 5 s
	WriteTimeout     time.Duration // for a write without progress; default 10 s
	CloseTimeout     time.Duration // for the client to answer a close frame; default 5 s

	// Of the head of an application's answer to a handshake; more: 502.
	AnswerHeaderBytes int64 // with the interim (1xx) heads before it; default 64 KiB
	AnswerHeaders     int   // fields; default 500
}

// SetDefaults sets the zero fields that have a fixed default to it, as a Server
// does.
func (l *Limits) SetDefaults() {
	var hub sockets.Config
	hub.SetDefaults()
	l.Message = cmp.Or(l.Message, hub.MaxMessage)
	l.Queue = cmp.Or(l.Queue, hub.MaxQueue)
	l.PingInterval = cmp.Or(l.PingInterval, hub.PingInterval)
	l.PongTimeout = cmp.Or(l.PongTimeout, hub.PongTimeout)
	l.HandshakeTimeout = cmp.Or(l.HandshakeTimeout, hub.HandshakeTimeout)
	l.DialTimeout = cmp.Or(l.DialTimeout, 5*time.Second)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, hub.WriteTimeout)
	l.CloseTimeout = cmp.Or(l.CloseTimeout, hub.CloseTimeout)
	l.AnswerHeaderBytes = cmp.Or(l.AnswerHeaderBytes, http1.DefaultHeaderBytes)
	l.AnswerHeaders = cmp.Or(l.AnswerHeaders, http1.DefaultHeaderFields)
}

var compressions = map[string]sockets.Compression{
	"": sockets.CompressionOff, "off": sockets.CompressionOff,
	"per-message": sockets.CompressionPerMessage, "with-context": sockets.CompressionWithContext,
}

// Check returns an error for a configuration that cannot be served. tables are the
// route tables of abi.Config.WSURLConfs.
func (w *Config) Check(tables map[string][]abi.WSRoute) error {
	if _, ok := compressions[w.Compression]; !ok {
		return fmt.Errorf("Websockets.Compression: expected off, per-message or with-context, found %q", w.Compression)
	}
	if err := CheckOrigins(w.Origins); err != nil {
		return fmt.Errorf("Websockets.Origins: %w", err)
	}
	if len(w.Targets) == 0 {
		return nil
	}
	for table, routes := range tables {
		for _, r := range routes {
			target, ok := w.Targets[table][r.Name]
			if !ok {
				return fmt.Errorf("Websockets.Targets: expected an entry for the route %q of %q, found none", r.Name, table)
			}
			if err := w.checkTarget(&target); err != nil {
				return fmt.Errorf("Websockets.Targets: route %q of %q: %w", r.Name, table, err)
			}
		}
	}
	return nil
}

func (w *Config) checkTarget(t *Target) error {
	kinds := 0
	for _, set := range []bool{t.Upstream != nil, t.Consumer, t.Handler != ""} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("expected exactly one of Upstream, Consumer and Handler")
	case t.Handler != "" && w.Handlers[t.Handler] == nil:
		return fmt.Errorf("expected a registered handler, found %q", t.Handler)
	case t.Upstream != nil && (!slices.Contains([]string{"ws", "wss", "http", "https"}, t.Upstream.Scheme) || t.Upstream.Hostname() == ""):
		return errors.New("expected the URL of an upstream, such as ws://127.0.0.1:8001")
	}
	return CheckOrigins(t.Origins)
}

// CheckOrigins returns an error for an invalid entry of Config.Origins.
func CheckOrigins(origins []string) error {
	for _, o := range origins {
		if o == "*" {
			continue
		}
		host := o
		if scheme, rest, ok := strings.Cut(o, "://"); ok {
			if host = rest; scheme != "http" && scheme != "https" {
				return fmt.Errorf("expected an origin that starts with http:// or https://, found %q", o)
			}
		}
		host = strings.TrimPrefix(host, "*.")
		u, err := url.Parse("//" + host)
		if err != nil || host == "" || u.Host != host || u.Hostname() == "" || strings.Contains(host, "*") || host != strings.ToLower(host) {
			return fmt.Errorf("expected an origin such as https://app.example.com, app.example.com or *.example.com, in lower case and without a path, found %q", o)
		}
	}
	return nil
}
