// Command goguest is a Go guest for tests and benchmarks. With and without the
// meter it must return the same results.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o goguest.wasm .
package main

import (
	"crypto/sha256"
	"encoding/json"
	"hash/crc32"
	"sort"
	"strings"
)

func main() {}

var tenants = map[string]string{}

var hosts = []string{"acme.example.com", "Beta.Example.COM.", "gamma.example.com:8080", "nobody.example.org"}

func init() {
	for i := range 1000 {
		tenants[string(rune('a'+i%26))+strings.Repeat("x", i%7)+".example.com"] = "tenant"
	}
	tenants["acme.example.com"] = "acme"
	tenants["beta.example.com"] = "beta"
	tenants["gamma.example.com"] = "gamma"
}

// route does about what a router does for one request: about 300 ns.
//
//go:wasmexport route
func route(n uint32) uint64 {
	host := hosts[n%4]
	if i := strings.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	tenant, ok := tenants[host]
	if !ok {
		return 0
	}
	return uint64(len(tenant))<<32 | uint64(crc32.ChecksumIEEE([]byte(tenant)))
}

var block [4096]byte

// digest hashes n kilobytes.
//
//go:wasmexport digest
func digest(n uint32) uint64 {
	h := sha256.New()
	for i := range block {
		block[i] = byte(i)
	}
	for range (n + 3) / 4 {
		h.Write(block[:])
	}
	var sum uint64
	for _, b := range h.Sum(nil)[:8] {
		sum = sum<<8 | uint64(b)
	}
	return sum
}

type document struct {
	Name  string         `json:"name"`
	Tags  []string       `json:"tags"`
	Inner map[string]int `json:"inner"`
	Ratio float64        `json:"ratio"`
}

// encode goes through encoding/json and back, n times.
//
//go:wasmexport encode
func encode(n uint32) uint64 {
	var size int
	for i := range n {
		d := document{Name: "tenant", Tags: []string{"a", "b", strings.Repeat("c", int(i%50))}, Inner: map[string]int{"x": int(i), "y": 2}, Ratio: float64(i) / 7}
		b, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}
		var back document
		if err := json.Unmarshal(b, &back); err != nil {
			panic(err)
		}
		sort.Strings(back.Tags)
		size += len(b) + len(back.Tags[0])
	}
	return uint64(size)
}

// recurse calls itself n deep.
//
//go:wasmexport recurse
func recurse(n uint32) uint64 {
	if n == 0 {
		return 1
	}
	return recurse(n-1)*31 + uint64(n)
}

// recovered panics n times and recovers.
//
//go:wasmexport recovered
func recovered(n uint32) (count uint64) {
	for range n {
		func() {
			defer func() {
				if recover() != nil {
					count++
				}
			}()
			var m map[string]int
			m["x"] = 1
		}()
	}
	return count
}

// concurrent passes n numbers through a channel between goroutines.
//
//go:wasmexport concurrent
func concurrent(n uint32) (sum uint64) {
	c := make(chan uint32)
	go func() {
		for i := range n {
			c <- i
		}
		close(c)
	}()
	for i := range c {
		sum += uint64(i)
	}
	return sum
}

// spin never returns.
//
//go:wasmexport spin
func spin() {
	for {
		block[0]++
	}
}
