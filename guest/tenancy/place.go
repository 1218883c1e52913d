package tenancy

import (
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// Placement is what serves a dynamic tenant.
type Placement struct {
	URLConf, WSURLConf string
	Status             bool // abi.DefaultTenant.Status has chosen
}

// Place returns what serves the tenant whose attributes get returns. Attributes
// choose in this order:
//
//  1. A value that Status lists chooses the urlconf, and the tenant has no
//     websocket routes. Other values, and a row without the attribute, have no
//     effect.
//  2. A value that URLConfBy lists chooses the urlconf. All others, and a row
//     without the attribute, mean URLConf. WSURLConfBy chooses likewise.
//
// Without a URLConf, a value that URLConfBy does not list has no urlconf: that of the
// Placement is empty.
func Place(d *abi.DefaultTenant, get func(name string) (value string, ok bool)) (p Placement) {
	if name := choose(d.Status, "", get); name != "" {
		return Placement{URLConf: name, Status: true}
	}
	return Placement{URLConf: choose(d.URLConfBy, d.URLConf, get), WSURLConf: choose(d.WSURLConfBy, d.WSURLConf, get)}
}

func choose(c *abi.Choice, otherwise string, get func(string) (string, bool)) string {
	if c == nil {
		return otherwise
	}
	if value, ok := get(c.Attribute); ok {
		if name, listed := c.Values[value]; listed {
			return name
		}
	}
	return otherwise
}

// place sets the urlconfs of a dynamic tenant whose attributes choose them. It
// returns false if it refused the request.
func (c *call) place(f *finding) bool {
	p := Place(&c.defaults, f.record.Attribute)
	c.d.URLConf, c.d.WSURLConf = p.URLConf, p.WSURLConf
	if by := c.defaults.URLConfBy; by != nil && p.URLConf == "" {
		value, _ := f.record.Attribute(by.Attribute)
		c.d.Refuse(abi.Missing, "no urlconf is configured for the tenant's attribute "+by.Attribute+", which is "+lexeme.Quote(value))
		return false
	}
	return true
}
