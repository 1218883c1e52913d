//go:build wasip1

package guest

import "unsafe"

// The host functions of package abi. A string is passed as its address and its
// length. No function keeps a pointer, so that arguments do not escape.

//go:wasmimport tenantedge tenant_by_domain
//go:noescape
func importTenantByDomain(domain, folder string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge tenant_by_reference
//go:noescape
func importTenantByReference(ref string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge primary_domain
//go:noescape
func importPrimaryDomain(id string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge query
//go:noescape
func importQuery(schema, name, args string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge log
//go:noescape
func importLog(level int32, text string)

//go:wasmimport tenantedge log_attrs
//go:noescape
func importLogAttrs(level int32, text string, attrs unsafe.Pointer, size uint32)

//go:wasmimport tenantedge clock
//go:noescape
func importClock() int64

//go:wasmimport tenantedge random
//go:noescape
func importRandom(out unsafe.Pointer, size uint32) uint32

func tenantByDomain(domain, folder string, out []byte) int64 {
	return importTenantByDomain(domain, folder, unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}

func tenantByReference(ref string, out []byte) int64 {
	return importTenantByReference(ref, unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}

func primaryDomain(id string, out []byte) int64 {
	return importPrimaryDomain(id, unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}

func query(schema, name, args string, out []byte) int64 {
	return importQuery(schema, name, args, unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}

func logLine(level int32, text string) { importLog(level, text) }

func logAttrs(level int32, text string, attrs []byte) {
	importLogAttrs(level, text, unsafe.Pointer(unsafe.SliceData(attrs)), uint32(len(attrs)))
}

func clock() int64 { return importClock() }

func random(out []byte) uint32 {
	return importRandom(unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}
