package edge

import "testing"

// BenchmarkGuestFiles measures a request that finds its tenant, and one that also
// reads a small file of the tenant, or saves one and deletes it, without waiting for
// the disk.
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
