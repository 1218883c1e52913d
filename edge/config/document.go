package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// document is a File with other types for the fields whose form in the file
// differs from that in Go.
type document struct {
	File
	Guest           guestSection       `key:"guest"`
	TrustedPeers    peers              `key:"trusted_peers"`
	Tenants         tenantTable        `key:"tenants"`
	WSURLConfs      map[string]wsTable `key:"ws_urlconfs"`
	Admin           adminAddress       `key:"admin"`
	Decide          deciders           `key:"decide"`
	AdminTLS        certificates       `key:"admin_tls"`
	AdminTokenEnv   string             `key:"admin_token_env,env"`
	AdminTokenFile  string             `key:"admin_token_file,path"`
	UpstreamHeaders upstreamHeaders    `key:"upstream_headers"`
}

func newDocument(name string) *document {
	doc := &document{
		File: File{
			Name:      name,
			Listeners: []Listener{{Address: ":8080", H2: true}},
			Limits: Limits{
				ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, BodyTimeout: time.Minute, AnswerTimeout: time.Minute,
				MinRate: pace.DefaultRate, MaxHeaderBytes: 64 << 10, FileCache: 64 << 20, ShutdownTimeout: 30 * time.Second, ShutdownLinger: time.Second,
			},
			Websockets:   Websockets{Compression: "off"},
			ServerTiming: "none",
			Usage:        defaultUsage(),
			Logs:         Logs{Format: "auto"},
		},
		Admin:           "127.0.0.1:8081",
		UpstreamHeaders: upstreamHeaders(*upstream.DefaultHeaders()),
	}
	doc.GuestConfig.SetDefaults()
	doc.Limits.Guest.setDefaults()
	doc.Limits.setWebsocketDefaults()
	return doc
}

func (doc *document) decode(v value) {
	found := v.object(doc)
	v.atMostOne(found, "admin_token_env", "admin_token_file")
	if r, ok := found["routers"]; ok && r.n.kind == kindList {
		doc.checkRouters(r)
	}
	if l, ok := found["listeners"]; ok && l.n.kind == kindList {
		doc.checkListeners(l)
	}
	if p, ok := found["error_pages"]; ok && p.n.kind == kindMapping {
		p.checkErrorPages()
	}
	if d, ok := found["decide"]; ok {
		doc.checkDeciders(d)
	}
	if t, ok := found["admin_tokens"]; ok && t.n.kind == kindList {
		doc.checkAdminTokens(t)
	}
	if k, ok := found["signing_keys"]; ok && k.n.kind == kindList {
		k.checkKeys(doc.SigningKeys)
	}
	if t, ok := found["tenants"]; ok && t.n.kind == kindMapping {
		doc.checkDomains(t)
	}
	if f, ok := found["fleet"]; ok && f.n.kind == kindMapping {
		doc.checkFleet(f)
	}
	if dir, ok := found["directory"]; ok && doc.GuestConfig.Compat == abi.Hardened {
		doc.Directory.checkSchemas(dir, doc.Tenants)
	}
}

// finish sets the fields of the File whose form differs, and returns the File.
func (doc *document) finish(d *decoder) *File {
	f := &doc.File
	f.Guest, f.GuestConfig.Settings = doc.Guest.Guest, abi.JSON(doc.Guest.Settings)
	f.TrustedPeers = doc.TrustedPeers
	f.GuestConfig.Tenants, f.GuestConfig.Default = doc.Tenants.static, doc.Tenants.fallback
	f.Decide = doc.Decide
	doc.finishAdmin(f)
	f.UpstreamHeaders = upstream.Headers(doc.UpstreamHeaders)
	doc.finishWebsockets(f)
	f.marks = d.marks
	return f
}

func (doc *document) checkRouters(v value) {
	if len(v.n.items) == 0 {
		v.fail("expected at least one of domain, header, session, found none; remove the key to route by domain")
	}
	for i, r := range doc.GuestConfig.Routers {
		if r != "" && slices.Contains(doc.GuestConfig.Routers[:i], r) {
			value{v.d, v.n.items[i], v.p.item(i)}.fail("expected each router once, found %s again; remove it", r)
		}
	}
}

func (doc *document) checkListeners(v value) {
	if len(v.n.items) == 0 {
		v.fail("expected at least one listener, found none; remove the key to listen on :8080")
	}
	for i, l := range doc.Listeners {
		at := value{v.d, v.n.items[i], v.p.item(i)}
		same := func(o Listener) bool { return o.Address == l.Address }
		switch {
		case l.Address == "" || strings.HasSuffix(l.Address, ":0"):
		case slices.ContainsFunc(doc.Listeners[:i], same):
			at.fail("expected each address once, found %q again; remove it", l.Address)
		case l.Address == string(doc.Admin):
			at.fail("expected an unused address, found %q, which admin also uses; change one of them", l.Address)
		}
	}
}

func (doc *document) checkDeciders(v value) {
	used := map[string]bool{string(doc.Admin): true}
	for _, l := range doc.Listeners {
		used[l.Address] = true
	}
	for i, d := range doc.Decide {
		at := v
		if v.n.kind == kindList {
			at = value{v.d, v.n.items[i], v.p.item(i)}
		}
		if used[d.Address] && d.Address != "" && !strings.HasSuffix(d.Address, ":0") {
			at.fail("expected an unused address, found %q, which another listener also uses; change one of them", d.Address)
		}
		used[d.Address] = true
	}
}

func bothOrNeither(both bool) string {
	if both {
		return "both; remove one of them"
	}
	return "neither; add one of them"
}

// adminAddress is an address; empty: off.
type adminAddress string

func (a *adminAddress) decode(v value) {
	if v.n.text == "off" && v.n.kind == kindString || v.n.text == "false" && v.n.kind == kindBool {
		*a = ""
		return
	}
	var address string
	v.decodeTo(&address, "address")
	*a = adminAddress(address)
}

// peers is a list of networks.
type peers []netip.Prefix

// peerNames are short names for networks. private_ranges is that of Caddy's
// trusted_proxies.
var peerNames = map[string][]string{
	"private_ranges": {"192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128"},
	"loopback":       {"127.0.0.0/8", "::1/128"},
}

func (ps *peers) decode(v value) {
	v.texts(func(item value, text string) {
		if named, ok := peerNames[text]; ok {
			for _, p := range named {
				*ps = append(*ps, netip.MustParsePrefix(p))
			}
			return
		}
		if prefix, ok := item.prefix(text); ok {
			*ps = append(*ps, prefix)
		}
	})
}

// texts decodes a list of texts and calls visit for each.
func (v value) texts(visit func(item value, text string)) []string {
	var texts []string
	failed := v.d.failed
	v.decodeTo(&texts, "")
	if v.d.failed > failed {
		return nil
	}
	for i, text := range texts {
		visit(value{v.d, v.n.items[i], v.p.item(i)}, text)
	}
	return texts
}

func (v value) prefix(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		v.mismatch("a network such as \"10.0.0.0/8\", an IP address, private_ranges or loopback")
	case p != p.Masked():
		v.fail("expected a network, found %s, an address within a network; write %q for the network or %q for only the address",
			v.n.found(), p.Masked(), p.Addr())
	case p.Addr().Is4In6():
		v.fail("expected a network, found %s; write it in IPv4 notation", v.n.found())
	default:
		return p, true
	}
	return netip.Prefix{}, false
}
