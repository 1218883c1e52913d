package config

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/suggest"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Websockets configures how websockets are served.
type Websockets struct {
	// Origins may open websockets, besides the tenant's own domains.
	Origins []string
	// OriginsAttribute is a column of the tenant table with further origins of the
	// tenant; empty: none.
	OriginsAttribute string
	// WithoutOrigin accepts clients that send no Origin, as programs do.
	WithoutOrigin bool
	// Compression is "off", "per-message" or "with-context".
	Compression string
}

// websocketsEntry has the keys of websockets.
type websocketsEntry struct {
	Origins          origins `key:"origins"`
	OriginsAttribute string  `key:"origins_attribute"`
	WithoutOrigin    bool    `key:"without_origin"`
	Compression      string  `key:"compression,one=off|per-message|with-context"`
}

func (w *Websockets) decode(v value) {
	var entry websocketsEntry
	entry.Compression = w.Compression
	v.object(&entry)
	*w = Websockets{entry.Origins, entry.OriginsAttribute, entry.WithoutOrigin, entry.Compression}
}

// origins is a list of web origins.
type origins []string

func (o *origins) decode(v value) {
	*o = v.texts(func(item value, text string) {
		if err := websocket.CheckOrigins([]string{text}); err != nil {
			item.fail("%v", err)
		}
	})
}

// WebsocketLimits bound the resources of clients, see websocket.Limits. 0 means the
// default of that type, except for Connections.
type WebsocketLimits struct {
	Connections      int           `key:"connections"` // 0: derived from Limits.Connections
	Messages         int           `key:"messages"`
	Burst            int           `key:"burst"`
	Queued           int64         `key:"queued,bytes"`
	Inflated         int64         `key:"inflated,bytes"`
	Message          int64         `key:"message,bytes"`
	Queue            int           `key:"queue,bytes"`
	PingInterval     time.Duration `key:"ping_interval"`
	PongTimeout      time.Duration `key:"pong_timeout"`
	IdleTimeout      time.Duration `key:"idle_timeout"`
	HandshakeTimeout time.Duration `key:"handshake_timeout"`
	WriteTimeout     time.Duration `key:"write_timeout"`
	CloseTimeout     time.Duration `key:"close_timeout"`
}

// websocket returns the limits of websockets and of their upstreams.
func (l *Limits) websocket() websocket.Limits {
	w := l.Websocket
	return websocket.Limits{
		Connections: w.Connections, Messages: w.Messages, Burst: w.Burst, Queued: w.Queued, Inflated: w.Inflated, Message: w.Message, Queue: w.Queue,
		PingInterval: w.PingInterval, PongTimeout: w.PongTimeout, IdleTimeout: w.IdleTimeout,
		HandshakeTimeout: w.HandshakeTimeout, WriteTimeout: w.WriteTimeout, CloseTimeout: w.CloseTimeout,
		DialTimeout: l.DialTimeout, AnswerHeaderBytes: l.MaxAnswerHeaderBytes, AnswerHeaders: l.MaxAnswerHeaders,
	}
}

// setWebsocketDefaults sets the limits of websockets, and those that they share
// with other requests to upstreams, to the defaults of package websocket.
func (l *Limits) setWebsocketDefaults() {
	var w websocket.Limits
	w.SetDefaults()
	l.Websocket = WebsocketLimits{
		Message: w.Message, Queue: w.Queue, PingInterval: w.PingInterval, PongTimeout: w.PongTimeout,
		HandshakeTimeout: w.HandshakeTimeout, WriteTimeout: w.WriteTimeout, CloseTimeout: w.CloseTimeout,
	}
	l.DialTimeout, l.MaxAnswerHeaderBytes, l.MaxAnswerHeaders = w.DialTimeout, w.AnswerHeaderBytes, w.AnswerHeaders
}

// wsRoute is an entry of a websocket route table and what serves it.
type wsRoute struct {
	abi.WSRoute
	target    websocket.Target
	hasTarget bool
}

// wsRouteEntry has the keys of a route.
type wsRouteEntry struct {
	Path         *string `key:"path"`
	Regex        *string `key:"regex"`
	Name         string  `key:"name,required"`
	Upstream     string  `key:"upstream"`
	UpstreamPath string  `key:"upstream_path,one=original|inner"`
	UpstreamHost string  `key:"upstream_host,one=client|upstream"`
	Consumer     bool    `key:"consumer"`
	Handler      string  `key:"handler,nonempty"`
	Origins      origins `key:"origins"`
}

func (r *wsRoute) decode(v value) {
	var entry wsRouteEntry
	found := v.object(&entry)
	if found == nil {
		return
	}
	if found.has("path") == found.has("regex") {
		v.fail("expected exactly one of path and regex, found %s", bothOrNeither(found.has("path")))
	}
	r.WSRoute = abi.WSRoute{Path: entry.Path, Regex: entry.Regex, Name: entry.Name}
	targets := found.count("upstream", "consumer", "handler")
	if targets > 1 {
		v.fail("expected exactly one of upstream, consumer and handler, found several; remove all but one")
		return
	}
	if at, ok := found["consumer"]; ok && at.n.kind == kindBool && !entry.Consumer {
		at.fail("expected true, found false; remove the key, and add upstream or handler")
	}
	v.onlyWithUpstream(found, "upstream_path", "upstream_host")
	r.hasTarget = targets == 1
	r.target = websocket.Target{
		Consumer: entry.Consumer, Handler: entry.Handler, Origins: entry.Origins,
		Inner: entry.UpstreamPath == "inner", OwnHost: entry.UpstreamHost == "upstream",
	}
	if at, ok := found["upstream"]; ok && at.n.kind == kindString {
		r.target.Upstream = at.websocketUpstream(entry.Upstream)
	}
}

// websocketUpstream parses a URL with ws or wss, for which upstream expects http or
// https.
func (v value) websocketUpstream(text string) *url.URL {
	scheme, rest, ok := strings.Cut(text, "://")
	schemes := map[string]string{"ws": "http", "wss": "https"}
	if !ok || schemes[scheme] == "" {
		v.fail("expected a URL such as \"ws://127.0.0.1:8001\" or \"wss://…\", found another URL; correct it")
		return nil
	}
	u := v.upstream(schemes[scheme] + "://" + rest)
	if u != nil {
		u.Scheme = scheme
	}
	return u
}

// wsTable is a websocket route table.
type wsTable []wsRoute

func (t *wsTable) decode(v value) {
	var list []wsRoute
	v.decodeTo(&list, "")
	*t = list
	// The guest identifies a route only by its name.
	first := map[string]int{}
	for i, r := range list {
		before, again := first[r.Name]
		if !again {
			first[r.Name] = i
			continue
		}
		if !sameTarget(list[before].target, r.target) {
			value{v.d, v.n.items[i], v.p.item(i)}.fail("expected one target for each name, found a different one for %q than in %s; rename one of the routes", shorten(r.Name), v.p.item(before))
		}
	}
	for i, n := range v.n.items {
		if i < len(list) && list[i].Name != "" {
			p := v.p.item(i)
			v.d.mark(p, p, n.pos)
		}
	}
}

func sameTarget(a, b websocket.Target) bool {
	link := func(u *url.URL) string {
		if u == nil {
			return ""
		}
		return u.String()
	}
	return link(a.Upstream) == link(b.Upstream) && a.Consumer == b.Consumer && a.Handler == b.Handler &&
		a.Inner == b.Inner && a.OwnHost == b.OwnHost && slices.Equal(a.Origins, b.Origins)
}

// finishWebsockets sets the route tables of f and their targets.
func (doc *document) finishWebsockets(f *File) {
	if doc.WSURLConfs == nil {
		return
	}
	f.GuestConfig.WSURLConfs = make(map[string][]abi.WSRoute, len(doc.WSURLConfs))
	f.WSTargets = map[string]map[string]websocket.Target{}
	for name, routes := range doc.WSURLConfs {
		table := make([]abi.WSRoute, len(routes))
		targets := map[string]websocket.Target{}
		for i, r := range routes {
			table[i] = r.WSRoute
			if r.hasTarget {
				targets[r.Name] = r.target
			}
		}
		f.GuestConfig.WSURLConfs[name] = table
		if len(targets) > 0 {
			f.WSTargets[name] = targets
		}
	}
}

// checkWebsockets reports route tables that do not exist, routes without a target,
// and routes to a handler that is not registered.
func (f *File) checkWebsockets(d *decoder, handlers []string) {
	if len(f.WSTargets) == 0 {
		return // websockets are served like other requests
	}
	for _, t := range f.GuestConfig.Tenants {
		f.checkWSURLConf(d, t.WSURLConf, root("tenants", t.Schema, "ws_urlconf"))
	}
	if f.GuestConfig.Default != nil {
		f.checkWSURLConf(d, f.GuestConfig.Default.WSURLConf, root("tenants", "default", "ws_urlconf"))
	}
	for name, routes := range f.GuestConfig.WSURLConfs {
		for i, r := range routes {
			at := root("ws_urlconfs", name).item(i)
			target, ok := f.WSTargets[name][r.Name]
			switch {
			case !ok:
				f.failAt(d, at, "expected one of upstream, consumer and handler, because other routes have one, found none; add one")
			case target.Handler != "" && !slices.Contains(handlers, target.Handler):
				do := "none is registered; use upstream or consumer, or embed the edge in a program that registers it"
				if len(handlers) > 0 {
					do = cmp.Or(didYouMean(suggest.Name(target.Handler, handlers)), "registered are "+strings.Join(handlers, ", "))
				}
				f.failAt(d, at, "expected a registered handler, found %q; %s", shorten(target.Handler), do)
			}
		}
	}
}

func didYouMean(hint string) string {
	if hint == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", hint)
}

func (f *File) checkWSURLConf(d *decoder, name string, p *path) {
	if _, ok := f.GuestConfig.WSURLConfs[name]; ok || name == "" {
		return
	}
	names := make([]string, 0, len(f.GuestConfig.WSURLConfs))
	for n := range f.GuestConfig.WSURLConfs {
		names = append(names, n)
	}
	slices.Sort(names)
	f.failAt(d, p, "expected an entry of ws_urlconfs, found %q, which does not exist; %s", shorten(name), cmp.Or(didYouMean(suggest.Name(name, names)), "add it"))
}
