//go:build !wasip1

package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// Host stands in for the host functions where there is no Wasm. Each method
// answers as package abi says: what it wrote to out in bytes, or a negative
// abi.Errno.
type Host interface {
	TenantByDomain(domain, folder string, out []byte) int64
	TenantByReference(ref string, out []byte) int64
	PrimaryDomain(id string, out []byte) int64
	Query(schema, name, args string, out []byte) int64
	Log(level int32, text string)
	Clock() int64
	Random(out []byte) uint32
}

var stub Host = Unavailable{}

// Replace makes h the host until the function that it returns is called. It is
// for tests, which must not run in parallel then: a guest has one thread.
func Replace(h Host) (restore func()) {
	before := stub
	stub = h
	return func() { stub = before }
}

// Unavailable is a Host that has nothing. Embed it to implement but what a
// test needs.
type Unavailable struct{}

const unavailable = -int64(abi.Unavailable)

// TenantByDomain implements Host.
func (Unavailable) TenantByDomain(_, _ string, _ []byte) int64 { return unavailable }

// TenantByReference implements Host.
func (Unavailable) TenantByReference(_ string, _ []byte) int64 { return unavailable }

// PrimaryDomain implements Host.
func (Unavailable) PrimaryDomain(_ string, _ []byte) int64 { return unavailable }

// Query implements Host.
func (Unavailable) Query(_, _, _ string, _ []byte) int64 { return unavailable }

// Log implements Host.
func (Unavailable) Log(int32, string) {}

// Clock implements Host.
func (Unavailable) Clock() int64 { return 0 }

// Random implements Host.
func (Unavailable) Random([]byte) uint32 { return uint32(abi.Unavailable) }

func tenantByDomain(domain, folder string, out []byte) int64 {
	return stub.TenantByDomain(domain, folder, out)
}
func tenantByReference(ref string, out []byte) int64    { return stub.TenantByReference(ref, out) }
func primaryDomain(id string, out []byte) int64         { return stub.PrimaryDomain(id, out) }
func query(schema, name, args string, out []byte) int64 { return stub.Query(schema, name, args, out) }
func logLine(level int32, text string)                  { stub.Log(level, text) }
func clock() int64                                      { return stub.Clock() }
func random(out []byte) uint32                          { return stub.Random(out) }
