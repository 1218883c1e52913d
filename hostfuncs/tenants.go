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
	size, found := c.Services.ByDomain(domain, folder, out)
	s[0] = answer(m, uint32(s[4]), out, size, found)
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
	size, found := find(key, out)
	s[0] = answer(m, uint32(s[2]), out, size, found)
}

// answer returns size as an i64, or NotFound. It reports the first size bytes of out,
// the bytes at addr, as written.
func answer(m memory, addr uint32, out []byte, size int, found bool) uint64 {
	if !found {
		return negative(abi.NotFound)
	}
	m.writes(addr, min(size, len(out)))
	return uint64(size)
}
