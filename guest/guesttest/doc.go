// Package guesttest tests a guest with plain go test, without WebAssembly: a
// [Host] of the test answers the host functions, and the functions here call the
// guest as a host does.
//
//	func TestRoute(t *testing.T) {
//		guesttest.Configure(t, &tck.World{Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}}}, `{"default": {}}`)
//		d := guesttest.Route(t, &guest.Request{Host: "acme.example.com", Target: "/"})
//		if d.Schema != "acme" {
//			t.Errorf("schema is %q: expected acme", d.Schema)
//		}
//	}
//
// The guest under test is the one that the test binary passed to guest.Serve.
// Like a Wasm guest it has one thread: its tests cannot run in parallel.
//
// Package tck has a Host with tenants and domains (World), and golden cases.
package guesttest
