package record

import (
	"encoding/json"
	"testing"
)

const line = `{"t":1796030550698616870,"method":"GET","scheme":"https","host":"acme.example.com","target":"/invoices/2026?page=2","asks":[0],"fuel":2436,"decision":{"outcome":"tenant","schema":"acme","id":"7","urlconf":"app.urls"}}`

// BenchmarkParser compares the parser with encoding/json.
func BenchmarkParser(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		d := decoder{section: &Section{}}
		d.asks = []*Ask{{}}
		d.request.Request.Header = map[string][]string{}
		b.ReportAllocs()
		for b.Loop() {
			if !d.decode([]byte(line)) || d.p.err != nil {
				b.Fatal(d.p.err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r struct {
				T                            int64
				Method, Scheme, Host, Target string
				Asks                         []int
				Fuel                         uint64
				Decision                     json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSamples(b *testing.B) {
	l := &Log{threshold: 1}
	n := 0
	for b.Loop() {
		if l.Samples() {
			n++
		}
	}
}
