package tenancy

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// byHeader is the header router under the hardened rules: only what the host
// vouches for counts, and a value that names no tenant is a 404.
func (c *call) byHeader(f *finding) bool {
	value, ok := c.req.header(0)
	if !ok || value == "" || !c.req.Trusted {
		f.kind = Unrouted
		return true
	}
	if strings.IndexByte(value, '\n') >= 0 {
		c.d.Refuse(abi.BadRequest, "there is more than one tenant header")
		return false
	}
	return c.byReference(f, c.headers, value)
}

// bySession is the session router under the hardened rules.
func (c *call) bySession(f *finding) bool {
	value, form := c.d.session(c.req)
	switch form {
	case sessionAbsent:
		f.kind = Unrouted
		return true
	case sessionOther:
		c.d.Refuse(abi.Missing, "the session names the tenant by something other than text or a whole number")
		return false
	}
	return c.byReference(f, c.sessions, value)
}

func (c *call) byReference(f *finding, index map[string]int, ref string) bool {
	f.reference = ref
	if c.staticReference(index, f, ref) || c.dynamicReference(f, ref) {
		return true
	}
	c.d.Refuse(abi.Missing, "the reference in header or session names no tenant")
	return false
}
