package hostfuncs

import "github.com/tenantedge/tenantedge/guest/abi"

// query may wait for a database: the guest that calls it holds its instance
// meanwhile. Services bound it by the request's context and a limit of their own.
func query(c *Call, m memory, s []uint64) {
	schema, errno1 := m.argument(uint32(s[0]), uint32(s[1]), abi.MaxName)
	name, errno2 := m.argument(uint32(s[2]), uint32(s[3]), abi.MaxName)
	args, errno3 := m.argument(uint32(s[4]), uint32(s[5]), abi.MaxQueryArgs)
	out, errno4 := m.room(uint32(s[6]), uint32(s[7]))
	if e := firstOf(errno1, errno2, errno3, errno4); e != abi.OK {
		s[0] = negative(e)
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
	rows, err := c.Services.Query(ctx, schema, name, []byte(args))
	if err != nil {
		s[0] = negative(errnoOf(err))
		return
	}
	if len(rows) <= len(out) {
		copy(out, rows)
	}
	s[0] = uint64(len(rows))
}
