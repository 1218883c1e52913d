package hostfuncs

import "github.com/tenantedge/tenantedge/guest/abi"

// query may wait for a database: the guest that calls it holds its instance
// meanwhile. Services bound it by the request's context and a limit of their own.
func query(c *Call, m memory, s []uint64) {
	schema, ok1 := m.text(uint32(s[0]), uint32(s[1]))
	name, ok2 := m.text(uint32(s[2]), uint32(s[3]))
	args, ok3 := m.bytes(uint32(s[4]), uint32(s[5]))
	out, ok4 := m.bytes(uint32(s[6]), uint32(s[7]))
	if !ok1 || !ok2 || !ok3 || !ok4 {
		s[0] = negative(abi.Fault)
		return
	}
	if c.Frozen {
		// The image must not depend on a database's contents.
		s[0] = negative(abi.Denied)
		return
	}
	ctx, cancel := c.bounded()
	defer cancel()
	defer c.worked()
	rows, err := c.Services.Query(ctx, schema, name, args)
	if err != nil {
		s[0] = negative(errnoOf(err))
		return
	}
	if len(rows) <= len(out) {
		copy(out, rows)
	}
	s[0] = uint64(len(rows))
}
