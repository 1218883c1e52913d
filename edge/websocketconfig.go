package edge

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// WebsocketConfig says how websockets are served. The zero value serves none:
// handshakes go on as other requests do, but for those that pages of other sites
// ask for.
type WebsocketConfig struct {
	// Targets say what serves each route of Config.WSURLConfs: by the table's
	// name and the route's. If there are any, every route must have one, and
	// every handshake is answered by the Host.
	Targets map[string]map[string]WebsocketTarget
	// Handlers are those that WebsocketTarget.Handler names.
	Handlers map[string]WebsocketHandler

	// Origins may open sockets besides the tenant's own domains, for all
	// tenants: "https://app.example.com", "app.example.com" for either scheme,
	// "*.example.com" for everything below, "*" for all of the web.
	Origins []string
	// OriginsAttribute names a further column of a tenant's row that lists its
	// own such origins, with blanks or commas between them. Empty: none.
	OriginsAttribute string
	// WithoutOrigin lets clients in that send no Origin, as programs do. What
	// looks like a browser is refused all the same.
	WithoutOrigin bool
	// Compression is "off" (default), "per-message", or "with-context", which
	// costs up to 32 KiB a socket and direction. Sockets of upstreams are
	// compressed as those agree with the client.
	Compression string
	// Limits hold each tenant's clients. The zero value has defaults.
	Limits WebsocketLimits
	// NoPoll gives every socket a goroutine also where it could do without.
	NoPoll bool
	// Routed is called with each handshake before it is answered, with the tenant
	// in its context: for logs. nil: nothing.
	Routed func(*http.Request)
}

// WebsocketTarget is what serves a route. Exactly one of Upstream, Consumer and
// Handler is set.
type WebsocketTarget struct {
	Upstream *url.URL // a websocket server: scheme ws or wss (or http, https)
	Consumer bool     // the guest
	Handler  string   // a handler in Go, by its name in WebsocketConfig.Handlers

	Inner   bool // Upstream gets the path without the tenant's folder
	OwnHost bool // Upstream gets the Host of its own URL, not the client's
	// Origins are allowed for this route besides WebsocketConfig.Origins.
	Origins []string
}

// WebsocketLimits hold clients. A field that is zero has its default.
type WebsocketLimits struct {
	// Of each tenant.
	Connections     int   // open at once; beyond: 503. Default: no limit
	Descriptors     int   // that they and their upstreams take; beyond: 503. Default: no limit
	Messages, Burst int   // a second, and at once; beyond: 1013. Default: no limit, as many as a second
	Queued          int64 // bytes that wait for its slow readers; who makes it more: 1013. Default: no limit

	// Inflated bounds the bytes of all tenants' inflated messages that are handled
	// at once; a tenant has half; beyond: 1013. Default 16 times Message, at least 256 MiB
	Inflated int64

	// Of each socket.
	Message int64 // bytes, inflated too; beyond: 1009. Default 16 MiB
	Queue   int   // bytes that wait for a slow reader; beyond: 1013. Default 256 KiB

	PingInterval     time.Duration // silence after which a client is asked for a sign of life; default 30 s
	PongTimeout      time.Duration // that it then has; default 20 s
	IdleTimeout      time.Duration // without a message, then 1001; default: no limit
	HandshakeTimeout time.Duration // for the handshake's answer, an upstream's too; default 10 s
	DialTimeout      time.Duration // to connect to an upstream; default 5 s
	WriteTimeout     time.Duration // for a write without progress; default 10 s
	CloseTimeout     time.Duration // for a client's part in closing; default 5 s

	// Of the head of an upstream's answer to a handshake; beyond: 502.
	AnswerHeaderBytes int64 // with the interim (1xx) heads before it; default 64 KiB
	AnswerHeaders     int   // fields; default 500
}

var compressions = map[string]sockets.Compression{
	"": sockets.CompressionOff, "off": sockets.CompressionOff,
	"per-message": sockets.CompressionPerMessage, "with-context": sockets.CompressionWithContext,
}

// check finds what cannot be served.
func (c *Config) checkWebsockets() error {
	w := &c.Websockets
	if _, ok := compressions[w.Compression]; !ok {
		return fmt.Errorf("Websockets.Compression: expected off, per-message or with-context, found %q", w.Compression)
	}
	if err := CheckOrigins(w.Origins); err != nil {
		return fmt.Errorf("Websockets.Origins: %w", err)
	}
	if len(w.Targets) == 0 {
		return nil
	}
	for table, routes := range c.WSURLConfs {
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

func (w *WebsocketConfig) checkTarget(t *WebsocketTarget) error {
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
		return fmt.Errorf("expected a handler that is registered, found %q", t.Handler)
	case t.Upstream != nil && (!slices.Contains([]string{"ws", "wss", "http", "https"}, t.Upstream.Scheme) || t.Upstream.Hostname() == ""):
		return errors.New("expected an upstream as ws://127.0.0.1:8001")
	}
	return CheckOrigins(t.Origins)
}

// CheckOrigins tells what is wrong with entries of WebsocketConfig.Origins.
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
			return fmt.Errorf("expected an origin as https://app.example.com, app.example.com or *.example.com, in lower case and without a path, found %q", o)
		}
	}
	return nil
}
