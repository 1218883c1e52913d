package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/decide"
)

// Decide is a listener on which another server asks for decisions; see package
// edge/decide.
type Decide struct {
	Address string
	// Preset is the server that asks, one of decide.Presets.
	Preset string
	// Peers are the networks from which it may ask; empty: loopback.
	Peers []netip.Prefix
	// Attributes are the tenant's attributes that the answers have.
	Attributes []string
}

// deciders is one Decide, or a list of them.
type deciders []Decide

// decideEntry has the keys of an entry of decide.
type decideEntry struct {
	Address    string   `key:"address,required,address"`
	Preset     string   `key:"preset,required"`
	Peers      peers    `key:"peers"`
	Attributes []string `key:"attributes,nonempty"`
}

func (ds *deciders) decode(v value) {
	if v.n.kind == kindMapping {
		*ds = deciders{v.decide()}
		return
	}
	if v.n.kind != kindList {
		v.mismatch("a mapping with address and preset, or a list of them")
		return
	}
	for i, n := range v.n.items {
		item := value{v.d, n, v.p.item(i)}
		var d Decide
		if n.kind == kindMapping {
			d = item.decide()
		} else {
			item.mismatch("a mapping with address and preset")
		}
		*ds = append(*ds, d)
	}
}

func (v value) decide() Decide {
	var entry decideEntry
	found := v.object(&entry)
	if at, ok := found["preset"]; ok && !slices.Contains(decide.Presets(), entry.Preset) {
		at.notOneOf(decide.Presets())
	}
	if at, ok := found["address"]; ok && !found.has("peers") && entry.Address != "" && !isLoopback(entry.Address) {
		at.fail("expected the key peers with the addresses of the server, since this is no loopback address, found none; add it")
	}
	return Decide{Address: entry.Address, Preset: entry.Preset, Peers: entry.Peers, Attributes: entry.Attributes}
}

func isLoopback(address string) bool {
	host := address[:strings.LastIndexByte(address, ':')]
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
