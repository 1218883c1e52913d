package hostfuncs

import "github.com/tenantedge/tenantedge/guest/abi"

func tenantByDomain(c *Call, m memory, s []uint64) {
	domain, ok1 := m.text(uint32(s[0]), uint32(s[1]))
	folder, ok2 := m.text(uint32(s[2]), uint32(s[3]))
	out, ok3 := m.bytes(uint32(s[4]), uint32(s[5]))
	if !ok1 || !ok2 || !ok3 {
		s[0] = negative(abi.Fault)
		return
	}
	s[0] = answer(c.Services.ByDomain(domain, folder, out))
}

func tenantByReference(c *Call, m memory, s []uint64) {
	ref, ok1 := m.text(uint32(s[0]), uint32(s[1]))
	out, ok2 := m.bytes(uint32(s[2]), uint32(s[3]))
	if !ok1 || !ok2 {
		s[0] = negative(abi.Fault)
		return
	}
	s[0] = answer(c.Services.ByReference(ref, out))
}

func primaryDomain(c *Call, m memory, s []uint64) {
	id, ok1 := m.text(uint32(s[0]), uint32(s[1]))
	out, ok2 := m.bytes(uint32(s[2]), uint32(s[3]))
	if !ok1 || !ok2 {
		s[0] = negative(abi.Fault)
		return
	}
	s[0] = answer(c.Services.Primary(id, out))
}
