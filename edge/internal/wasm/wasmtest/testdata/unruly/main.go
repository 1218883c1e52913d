// Command unruly is a Go guest for tests. It routes the host t<n>.… to the
// tenant t<n + generation>, modulo the number of tenants, and misbehaves for a host
// whose first label is a key of acts.
package main

import (
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// generation is replaced in the compiled module by wasmtest.Unruly, which makes it
// another guest.
var generation = "generation-00000000"

// tenants is the number of tenants: t0, t1 and so on.
const tenants = 5

var (
	number  int
	urlconf string

	kept  string   // state that the next request must not find
	hoard [][]byte // memory that is never freed
	sink  uint64
)

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(*abi.Config) (abi.Configured, error) {
			n, err := strconv.Atoi(strings.TrimPrefix(generation, "generation-"))
			number, urlconf = n, "g"+strconv.Itoa(n)
			return abi.Configured{Name: "unruly", Version: strconv.Itoa(n)}, err
		},
		Route: route,
	})
}

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	word, _, _ := strings.Cut(r.Host, ".")
	if act := acts[word]; act != nil {
		act(r)
	}
	name := "t0"
	if n, err := strconv.Atoi(strings.TrimPrefix(word, "t")); err == nil {
		name = "t" + strconv.Itoa((n+number)%tenants)
	}
	row, err := guest.TenantByReference(name)
	if err != nil {
		d.Refuse(abi.Missing, err.Error())
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
	d.URLConf = urlconf
	if word == "recall" {
		d.URLConf = recall(r)
	}
}

// acts are what a guest must not do, by the first label of the host.
var acts map[string]func(*guest.Request)

func init() {
	acts = map[string]func(*guest.Request){
		"spin":    func(*guest.Request) { spin() },
		"recurse": func(*guest.Request) { sink += recurse(1 << 40) },
		"bomb":    func(*guest.Request) { bomb() },
		"grow":    func(*guest.Request) { grow() },
		"fill":    func(*guest.Request) { fill(2 << 30) },
		"scribble": func(*guest.Request) {
			scribble()
			panic("after it wrote everywhere")
		},
		"panic":    func(r *guest.Request) { panic("confidential: " + r.Target) },
		"nil":      func(*guest.Request) { sink += *(*uint64)(nil) },
		"exit":     func(*guest.Request) { os.Exit(3) },
		"wait":     func(*guest.Request) { select {} },
		"shout":    func(r *guest.Request) { shout(r.Target) },
		"pointers": func(*guest.Request) { pointers() },
		"keep": func(r *guest.Request) {
			kept = strings.Clone(r.Target)
			for range 100 {
				hoard = append(hoard, []byte(r.Target))
			}
		},
		"keep-and-panic": func(r *guest.Request) {
			kept = strings.Clone(r.Target)
			panic(kept)
		},
	}
}

func spin() {
	for {
		sink++
	}
}

func recurse(n uint64) uint64 {
	if n == 0 {
		return 1
	}
	return recurse(n-1)*31 + n
}

func bomb() {
	for {
		b := make([]byte, 1<<20)
		b[0], b[len(b)-1] = 1, 1
		hoard = append(hoard, b)
	}
}

// grow takes more memory than there was, a little, and then fails.
func grow() {
	b := make([]byte, 2<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	hoard = append(hoard, b)
	panic("grown")
}

func fill(n int) {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xff
	}
	hoard = append(hoard, b)
}

// scribble overwrites parts of the memory, including that of the Go runtime.
func scribble() {
	for at := uintptr(64 << 10); at < 2<<20; at += 64 << 10 {
		*(*uint32)(unsafe.Pointer(at)) = 0xdeadbeef
	}
}

func shout(text string) {
	for {
		os.Stdout.WriteString(text)
	}
}

//go:wasmimport tenantedge tenant_by_reference
func tenantByReference(ref, length, out, room uint32) int64

//go:wasmimport tenantedge random
func random(out, length uint32) uint32

// pointers passes addresses outside of the memory to host functions, and fails if
// one accepts them. It always panics.
func pointers() {
	for _, at := range []uint32{1 << 31, 1<<32 - 1, 1<<32 - 8} {
		if tenantByReference(at, 16, 0, 64) != -int64(abi.Fault) ||
			tenantByReference(0, 1<<31, 0, 64) != -int64(abi.Fault) ||
			tenantByReference(0, 0, at, 1<<16) != -int64(abi.Fault) ||
			random(at, 16) != uint32(abi.Fault) {
			panic("an address outside of memory was taken")
		}
	}
	panic("no address outside of memory was taken")
}

// recall returns where it finds data of earlier requests: in a variable, or in the
// memory up to the end of the buffer that receives requests. The text that it
// searches for occurs only in requests.
func recall(r *guest.Request) string {
	if kept != "" || len(hoard) > 0 {
		return "variable"
	}
	const masked = "TFDSFU" // each letter is shifted by one
	end := uintptr(unsafe.Pointer(unsafe.StringData(r.Method))) + abi.BufferSize/2
	for at := uintptr(4096); at < end; at++ { // Go treats lower addresses as nil
		n := 0
		for n < len(masked) && *(*byte)(unsafe.Pointer(at + uintptr(n)))+1 == masked[n] {
			n++
		}
		if n == len(masked) {
			return "memory"
		}
	}
	return "nothing"
}
