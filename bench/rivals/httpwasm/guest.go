//go:build wasip1

package main

import (
	"encoding/json"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// The functions of http-wasm's ABI, which its api/handler/wasm.go describes.

//go:wasmimport http_handler get_config
//go:noescape
func getConfig(buf unsafe.Pointer, limit uint32) uint32

//go:wasmimport http_handler get_method
//go:noescape
func getMethod(buf unsafe.Pointer, limit uint32) uint32

//go:wasmimport http_handler get_uri
//go:noescape
func getURI(buf unsafe.Pointer, limit uint32) uint32

//go:wasmimport http_handler set_uri
//go:noescape
func setURI(uri string)

//go:wasmimport http_handler get_header_values
//go:noescape
func getHeaderValues(kind uint32, name string, buf unsafe.Pointer, limit uint32) uint64

//go:wasmimport http_handler set_header_value
//go:noescape
func setHeaderValue(kind uint32, name, value string)

//go:wasmimport http_handler set_status_code
//go:noescape
func setStatusCode(code uint32)

// The host function of tenantedge, added to the same runtime.

//go:wasmimport tenantedge tenant_by_domain
//go:noescape
func tenantByDomain(domain, folder string, out unsafe.Pointer, size uint32) int64

const requestHeaders = 0 // the kind of header

var (
	router   *tenancy.Router
	request  tenancy.Request
	decision tenancy.Decision
	// Close together, so that a call touches few pages.
	method [16]byte
	host   [512]byte
	target [8 << 10]byte
	record [4 << 10]byte
)

func init() {
	config := make([]byte, getConfig(nil, 0))
	getConfig(pointer(config), uint32(len(config)))
	var c abi.Config
	if err := json.Unmarshal(config, &c); err != nil {
		panic(err)
	}
	var err error
	if router, err = tenancy.New(&c); err != nil {
		panic(err)
	}
}

//go:wasmexport handle_request
func handleRequest() uint64 {
	r := &request
	r.Scheme = "http" // the ABI does not tell
	n := getMethod(pointer(method[:]), uint32(len(method)))
	r.Method = str(method[:], n)
	n = getURI(pointer(target[:]), uint32(len(target)))
	r.Target = str(target[:], n)
	values := getHeaderValues(requestHeaders, "Host", pointer(host[:]), uint32(len(host)))
	r.HasHost, r.Host = values != 0, ""
	if r.HasHost { // each value ends in a NUL; net/http has one Host
		r.Host = str(host[:], uint32(values)-1)
	}
	router.Route(r, directory{}, &decision)
	if decision.Outcome != abi.Tenant {
		setStatusCode(uint32(decision.Status))
		return 0
	}
	setHeaderValue(requestHeaders, "Tenant", decision.Schema)
	if decision.Folder != "" {
		setURI(decision.Path)
	}
	return 1
}

//go:wasmexport handle_response
func handleResponse(_, _ uint32) {}

// directory asks the host. Routing by domain needs no other lookup.
type directory struct{}

func (directory) ByDomain(domain, folder string, r *tenancy.Record) bool {
	n := tenantByDomain(domain, folder, pointer(record[:]), uint32(len(record)))
	if n < 0 || n > int64(len(record)) {
		return false
	}
	m, err := abi.Parse(record[:n])
	if err != nil {
		return false
	}
	get := func(field int) string {
		b := m.Get(field)
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	*r = tenancy.Record{ID: get(abi.RecID), Schema: get(abi.RecSchema), Domain: get(abi.RecDomain), Folder: get(abi.RecFolder)}
	return true
}

func (directory) ByReference(string, *tenancy.Record) bool { return false }
func (directory) Primary(string, *tenancy.Record) bool     { return false }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func str(b []byte, n uint32) string { return unsafe.String(unsafe.SliceData(b), min(int(n), len(b))) }
