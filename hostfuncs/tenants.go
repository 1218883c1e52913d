package hostfuncs

import "github.com/tenantedge/tenantedge/guest/abi"

func tenantByDomain(c *Call, m memory, s []uint64) {
	domain, errno1 := m.argument(uint32(s[0]), uint32(s[1]), abi.MaxName)
	folder, errno2 := m.argument(uint32(s[2]), uint32(s[3]), abi.MaxName)
	out, errno3 := m.room(uint32(s[4]), uint32(s[5]))
	if e := firstOf(errno1, errno2, errno3); e != abi.OK {
		s[0] = negative(e)
		return
	}
	s[0] = answer(c.Services.ByDomain(domain, folder, out))
}

func tenantByReference(c *Call, m memory, s []uint64) { lookUp(m, s, c.Services.ByReference) }

func primaryDomain(c *Call, m memory, s []uint64) { lookUp(m, s, c.Services.Primary) }

func lookUp(m memory, s []uint64, find func(string, []byte) (int, bool)) {
	key, errno1 := m.argument(uint32(s[0]), uint32(s[1]), abi.MaxName)
	out, errno2 := m.room(uint32(s[2]), uint32(s[3]))
	if e := firstOf(errno1, errno2); e != abi.OK {
		s[0] = negative(e)
		return
	}
	s[0] = answer(find(key, out))
}
