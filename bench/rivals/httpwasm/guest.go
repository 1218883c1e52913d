//go:build wasip1

package main

import (
	"encoding/json"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

// Functions of the ABI of http-wasm; see its api/handler/wasm.go.

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

// The host function of tenantedge, which the benchmark adds to the runtime.

//go:wasmimport tenantedge tenant_by_domain
//go:noescape
func tenantByDomain(domain, folder string, out unsafe.Pointer, size uint32) int64

const requestHeaders = 0 // the kind of header

var (
	router   *tenancy.Router
	fast     fastpath.Table
	hasFast  bool
	request  tenancy.Request
	decision tenancy.Decision
	// Adjacent, so that a call touches few pages.
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
	fast, hasFast = router.FastPath()
}

// room is the number of bytes before each value, which fastpath.Host and
// fastpath.Target require.
const room = 8

//go:wasmexport handle_request
func handleRequest() uint64 {
	hostEnd := room
	// Each value ends in a NUL; net/http has one Host.
	values := getHeaderValues(requestHeaders, "Host", pointer(host[room:]), uint32(len(host)-room))
	if values != 0 {
		hostEnd += int(uint32(values)) - 1
	}
	targetEnd := room + int(getURI(pointer(target[room:]), uint32(len(target)-room)))
	if hostEnd > len(host) || targetEnd > len(target) {
		return refuse(431)
	}
	if next, ok := plain(hostEnd, targetEnd); ok {
		return next
	}
	r := &request
	r.Scheme = "http" // the ABI does not have it
	r.Method = str(method[:getMethod(pointer(method[:]), uint32(len(method)))])
	r.HasHost, r.Host = values != 0, str(host[room:hostEnd])
	r.Target = str(target[room:targetEnd])
	router.Route(r, directory{}, &decision)
	if decision.Outcome != abi.Tenant {
		return refuse(uint32(decision.Status))
	}
	uri := ""
	if decision.Folder != "" {
		uri = decision.Path
	}
	return serve(decision.Schema, uri)
}

// plain decides about the requests that the default guest answers on its fast
// path, in the same way.
func plain(hostEnd, targetEnd int) (next uint64, ok bool) {
	at := room
	if hostEnd-at > 4 && string(host[at:at+4]) == "www." {
		at += 4
	}
	hash, ok := fastpath.Host(host[:], at, hostEnd)
	if !ok || !hasFast {
		return 0, false
	}
	path, ok := fastpath.Target(target[:], room, targetEnd)
	if !ok {
		return 0, false
	}
	name := str(host[at:hostEnd])
	domain, fallback := fast.Find(name, hash)
	if domain < 0 {
		m, found := lookup(name, str(target[room+1:path.Segment]))
		folder := m.Get(abi.RecFolder)
		switch {
		case !found:
			domain = fallback
		case m.Word()&abi.RecRedirectToPrimary != 0 || len(folder) > 0 && path.Odd:
			return 0, false
		case len(folder) > 0 && path.Segment == path.End:
			return serve(str(m.Get(abi.RecSchema)), "/"), true
		case len(folder) > 0:
			return serve(str(m.Get(abi.RecSchema)), str(target[path.Segment:path.End])), true
		default:
			return serve(str(m.Get(abi.RecSchema)), ""), true
		}
	}
	if domain < 0 {
		return refuse(404), true
	}
	return serve(fast.Statics[domain].Schema, ""), true
}

// serve passes the request on, with a new URI unless uri is empty.
func serve(schema, uri string) uint64 {
	setHeaderValue(requestHeaders, "Tenant", schema)
	if uri != "" {
		setURI(uri)
	}
	return 1
}

func refuse(status uint32) uint64 {
	setStatusCode(status)
	return 0
}

//go:wasmexport handle_response
func handleResponse(_, _ uint32) {}

// directory looks up domains through the host, all that routing by domain needs.
type directory struct{}

func (directory) ByDomain(domain, folder string, r *tenancy.Record) bool {
	m, ok := lookup(domain, folder)
	if ok {
		*r = tenancy.Record{ID: str(m.Get(abi.RecID)), Schema: str(m.Get(abi.RecSchema)), Domain: str(m.Get(abi.RecDomain)), Folder: str(m.Get(abi.RecFolder))}
	}
	return ok
}

func lookup(domain, folder string) (abi.Message, bool) {
	n := tenantByDomain(domain, folder, pointer(record[:]), uint32(len(record)))
	if n < 0 || n > int64(len(record)) {
		return abi.Message{}, false
	}
	m, err := abi.Parse(record[:n])
	return m, err == nil
}

func (directory) ByReference(string, *tenancy.Record) bool { return false }
func (directory) Primary(string, *tenancy.Record) bool     { return false }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
