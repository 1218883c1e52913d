package fastpath

import "github.com/tenantedge/tenantedge/guest/abi"

// Table is what the answers to plain requests are made from. tenancy.Router has
// one. It must not be changed.
type Table struct {
	Dynamic            bool   // the directory has rows
	URLConf, WSURLConf string // of dynamic tenants
	Statics            []Static
	Chooses            *abi.DefaultTenant // attributes of rows choose other urlconfs; nil: they do not

	// hosts is a hash table with open addressing. Go's map would hash the host
	// a second time, and more slowly.
	hosts []host
}

// Static is a static tenant.
type Static struct{ Schema, URLConf, WSURLConf string }

// host is a host of static tenants. Their indices into Table.Statics are
// counted from 1.
type host struct {
	name             string
	hash             uint64
	domain, fallback int
}

// SetHosts makes the table's index. The maps give the index into Statics of the
// tenant that has a host among its domains, and among its fallback domains.
func (t *Table) SetHosts(domains, fallbacks map[string]int) {
	size := 1
	for size < 2*(len(domains)+len(fallbacks))+1 {
		size *= 2
	}
	t.hosts = make([]host, size)
	for name, at := range domains {
		t.slot(name).domain = at + 1
	}
	for name, at := range fallbacks {
		t.slot(name).fallback = at + 1
	}
}

// slot returns the entry of name, a new one if there is none.
func (t *Table) slot(name string) *host {
	hash := hashHost(name)
	for i := hash; ; i++ {
		h := &t.hosts[i&uint64(len(t.hosts)-1)]
		if h.name == "" {
			h.name, h.hash = name, hash
		}
		if h.name == name {
			return h
		}
	}
}

// Find returns the static tenants that have a host among their domains and
// among their fallback domains, as indices into Statics; -1 means none. The hash
// is that of [Host].
func (t *Table) Find(name string, hash uint64) (domain, fallback int) {
	for i := hash; ; i++ {
		h := &t.hosts[i&uint64(len(t.hosts)-1)]
		if h.name == "" {
			return -1, -1
		}
		if h.hash == hash && h.name == name {
			return h.domain - 1, h.fallback - 1
		}
	}
}
