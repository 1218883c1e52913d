// Package guest is what guests in Go import. A guest decides which tenant a
// request is for; package abi is the contract that stands behind this one.
//
//	package main
//
//	import (
//		"strings"
//
//		"github.com/tenantedge/tenantedge/guest"
//		"github.com/tenantedge/tenantedge/guest/tenancy"
//	)
//
//	func init() {
//		guest.Serve(guest.Handlers{Route: func(r *guest.Request, d *guest.Decision) {
//			name, _, _ := strings.Cut(r.Host, ".")
//			if row, err := guest.TenantByReference(name); err == nil {
//				d.Serve(&row, tenancy.ByDomain, r.Host)
//				d.Path, _, _ = strings.Cut(r.Target, "?")
//			}
//		}})
//	}
//
//	func main() {}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm
//
// In that mode a module is a library: the host runs the init functions and
// never main, which is why Serve is called in one.
//
// Strings and slices that a handler is given lie in a buffer that the next
// request overwrites; what is to be kept must be cloned. The host puts the
// guest's memory back after each request, so keeping anything is of no use in
// any case.
//
// Package guesttest runs the same code natively, so that plain go test covers a
// guest's logic.
package guest
