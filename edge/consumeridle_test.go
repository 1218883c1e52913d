package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// idleKinds are what BenchmarkConsumerIdle holds, as targets of a handshake.
var idleKinds = map[string]string{
	"Go":               "",
	"guest":            "/script",
	"guest-in-a-group": "/script?script=add+all",

	"handler": "/handler", "handler-in-a-group": "/grouped", "relay": "/relay",
}

// TestConsumerIdle is the server of BenchmarkConsumerIdle in a process of its
// own, so that the clients' memory is not counted: it serves until its input
// ends.
func TestConsumerIdle(t *testing.T) {
	kind := os.Getenv("TENANTEDGE_IDLE")
	if kind == "" {
		return // it is not a test when it is not asked to be the server
	}
	var address string
	switch kind {
	case "handler", "handler-in-a-group":
		address = measured(t)
	case "relay": // what is behind it is in another process, the benchmark's
		up, err := url.Parse(os.Getenv("TENANTEDGE_UPSTREAM"))
		if err != nil {
			t.Fatal(err)
		}
		address = measuredWith(t, up, func() {})
	default:
		w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
			c.Limits.Audit = 1 << 30 // the first audit makes the guest's whole image resident, however many connections there are
		})
		if kind == "Go" {
			w = newGoEcho(t, w)
		}
		address = w.server.Listener.Addr().String()
	}
	fmt.Println("address", address)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() { // each line asks for the resident memory
		for range 3 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		fmt.Println("resident", resident(t))
	}
}

func resident(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(statm)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// BenchmarkConsumerIdle holds connections that have said one thing each, and
// reports the resident memory that one of them costs the server's process.
func BenchmarkConsumerIdle(b *testing.B) {
	behind := newEchoServer(b)
	b.Cleanup(func() { behind.close(canceled()) })
	for kind, target := range idleKinds {
		b.Run(kind, func(b *testing.B) {
			conns := 15000
			if kind == "relay" {
				conns = 8000 // each takes two descriptors in either process
			}
			command := exec.Command(os.Args[0], "-test.run", "^TestConsumerIdle$", "-test.timeout", "0")
			command.Env = append(os.Environ(), "TENANTEDGE_IDLE="+kind, "TENANTEDGE_UPSTREAM="+behind.server.URL)
			command.Stderr = os.Stderr
			in, _ := command.StdinPipe()
			out, _ := command.StdoutPipe()
			if err := command.Start(); err != nil {
				b.Fatal(err)
			}
			defer command.Wait()
			defer in.Close()
			lines := bufio.NewReader(out)
			var address string
			if _, err := fmt.Fscanf(lines, "address %s\n", &address); err != nil {
				b.Fatal(err)
			}
			ask := func() (n int) {
				_, _ = io.WriteString(in, "\n")
				if _, err := fmt.Fscanf(lines, "resident %d\n", &n); err != nil {
					b.Fatal(err)
				}
				return n
			}
			var all []*visitor
			visit := func(n int) {
				for range n {
					v, status := handshake(b, address, "acme", "/"+strings.TrimPrefix(target, "/"))
					if v == nil {
						b.Fatal(status)
					}
					_, _ = v.Write(clientFrame(sockets.Text, []byte("say hello")))
					_, _, _ = v.read()
					all = append(all, v)
				}
			}
			visit(200) // what the first ones need for all
			before := ask()
			visit(conns)
			after := ask()
			for b.Loop() { // the figure is no time
			}
			b.ReportMetric(float64(after-before)/float64(conns), "B/conn")
			for _, v := range all {
				v.Close()
			}
		})
	}
}
