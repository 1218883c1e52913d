// Command authorizer is a guest that routes everything to the tenant www, and
// answers te_authorize in the way that the name of the file asks for. It is
// written against the contract alone, so that it can break it.
package main

import (
	"strings"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

var (
	buffer [abi.BufferSize]byte
	reply  [256]byte
)

func main() {}

//go:wasmexport te_abi_version
func version() uint32 { return abi.Version }

//go:wasmexport te_buffer
func getBuffer(uint32) uint32 { return address(buffer[:]) }

//go:wasmexport te_configure
func configure(uint32) uint64 {
	return packed(reply[:copy(reply[:], `{"name":"authorizer","authorize_headers":["x-user","cookie"]}`)])
}

//go:wasmexport te_route
func route(uint32) uint64 {
	b := abi.Begin(reply[:], uint32(abi.Tenant), abi.DecHeader0)
	b.Put(abi.DecSchema, "www")
	b.Put(abi.DecReference, "www")
	b.Put(abi.DecURLConf, "private")
	b.Put(abi.DecPath, "/")
	return packed(b.Bytes())
}

//go:wasmexport te_authorize
func authorize(length uint32) uint64 {
	m, err := abi.Parse(buffer[:length])
	if err != nil {
		panic(err)
	}
	name := string(m.Get(abi.AuthName))
	user, sent := m.Field(abi.AuthHeader0)
	switch {
	case name == "allow":
		return verdict(abi.AuthAllow)
	case name == "hide":
		return verdict(abi.AuthHide)
	case name == "deny":
		return verdict(abi.AuthDeny)
	case strings.HasPrefix(name, "of-"):
		if sent && name == "of-"+string(user) && string(m.Get(abi.AuthMethod)) == "GET" && string(m.Get(abi.AuthSchema)) == "www" {
			return verdict(abi.AuthAllow)
		}
		return verdict(abi.AuthDeny)
	case name == "remember":
		remembered++
		return verdict(remembered)
	case name == "no reply":
		return 0
	case name == "verdict 0", name == "verdict 4":
		return verdict(uint32(name[len(name)-1] - '0'))
	case name == "verdict 257":
		return verdict(257)
	case name == "outside":
		return abi.PackReply(0xfffffff0, 64)
	case name == "short":
		reply[0] = abi.AuthAllow
		return packed(reply[:1])
	case name == "malformed":
		b := abi.Begin(reply[:], abi.AuthAllow, 1)
		b.Put(0, "x")
		return packed(b.Bytes()[:16])
	case name == "long":
		return abi.PackReply(address(reply[:]), 0xffffffff)
	case name == "trap":
		panic("as asked")
	case name == "loop":
		for {
			remembered++
		}
	}
	return verdict(abi.AuthDeny)
}

// remembered is 0 whenever a call begins, if calls are kept apart.
var remembered uint32

func verdict(v uint32) uint64 {
	b := abi.Begin(reply[:], v, 0)
	return packed(b.Bytes())
}

func packed(b []byte) uint64 { return abi.PackReply(address(b), uint32(len(b))) }

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
