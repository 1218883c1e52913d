package tenancy

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// byHeader is the header router under the hardened rules. It reads the header only
// if it is trusted, and refuses a value that no tenant has. It returns false if it
// refused the request.
func (c *call) byHeader(f *finding) bool {
	value, ok := c.req.header(0)
	if !ok || value == "" || !c.req.Trusted {
		f.kind = Unrouted
		return true
	}
	if strings.IndexByte(value, '\n') >= 0 {
		c.d.Refuse(abi.BadRequest, "the request has more than one tenant header")
		return false
	}
	return c.byReference(f, c.headers, value)
}

// bySession is the session router under the hardened rules. It returns false if it
// refused the request.
func (c *call) bySession(f *finding) bool {
	value, form := c.d.session(c.req)
	switch form {
	case sessionAbsent:
		f.kind = Unrouted
		return true
	case sessionOther:
		c.d.Refuse(abi.Missing, "the session value is neither text nor an integer")
		return false
	}
	return c.byReference(f, c.sessions, value)
}

func (c *call) byReference(f *finding, index map[string]int, ref string) bool {
	f.reference = ref
	if c.staticReference(index, f, ref) || c.dynamicReference(f, ref) {
		return true
	}
	c.d.Refuse(abi.Missing, "no tenant has the reference in the header or session")
	return false
}
