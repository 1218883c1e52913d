package edge

import (
	"context"
	"testing"
)

// BenchmarkRoute measures a routed request, with and without the reset that gives
// every request a pristine guest.
func BenchmarkRoute(b *testing.B) {
	for name, unsafe := range map[string]bool{"pristine": false, "no-reset": true} {
		b.Run(name, func(b *testing.B) {
			h := newHost(b, func(c *Config) { c.UnsafeNoReset = unsafe })
			q := Request{Method: "GET", Scheme: "https", Host: "t1.example.com", Target: "/orders/42?page=2"}
			before := h.Stats().Current
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Route(context.Background(), &q); err != nil {
					b.Fatal(err)
				}
			}
			after := h.Stats().Current
			calls := float64(after.Calls - before.Calls)
			b.ReportMetric(float64(after.Fuel-before.Fuel)/calls, "fuel/op")
			b.ReportMetric(float64(after.Restored-before.Restored)/calls, "restored-B/op")
		})
	}
}

// BenchmarkNew measures starting and closing a Host with a warm compile cache.
func BenchmarkNew(b *testing.B) {
	newHost(b, nil)
	for b.Loop() {
		h, err := New(context.Background(), Config{CompileCache: compileCache})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
