package session

import (
	"context"
	"testing"
)

func BenchmarkSession(b *testing.B) {
	f := load(b)
	for _, name := range []string{"tenant", "login", "compressed"} {
		b.Run(name, func(b *testing.B) {
			r, req := f.reader(b, f.named(b, "signed_cookies", name))
			b.ReportAllocs()
			for b.Loop() {
				if data, err := r.Session(context.Background(), req.Header); data == nil || err != nil {
					b.Fatal(data, err)
				}
			}
		})
	}
}
