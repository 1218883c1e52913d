package edge

import "testing"

// What a request costs that finds its tenant, and one that reads a small file
// of the tenant's or saves one and deletes it again, without waiting for the
// disk.
func BenchmarkGuestFiles(b *testing.B) {
	for name, path := range map[string]string{
		"none":            "/find:t1",
		"read":            "/find:t1/read:a.txt",
		"save and delete": "/find:t1/save:new/delete:new",
	} {
		b.Run(name, func(b *testing.B) {
			h, _ := newFileHost(b, nil)
			r := &Request{Method: "GET", Scheme: "http", Host: "x", Target: path}
			for b.Loop() {
				if _, err := h.Route(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
