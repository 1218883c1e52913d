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

// idleKinds are the kinds of websockets of BenchmarkConsumerIdle, with the target
// of their handshake.
var idleKinds = map[string]string{
	"Go":               "",
	"guest":            "/script",
	"guest-in-a-group": "/script?script=add+all",

	"handler": "/handler", "handler-in-a-group": "/grouped", "relay": "/relay",
}

// TestConsumerIdle is the server of BenchmarkConsumerIdle in its own process, so
// that the memory of the clients is not counted. It serves until its input ends.
func TestConsumerIdle(t *testing.T) {
	kind := os.Getenv("TENANTEDGE_IDLE")
	if kind == "" {
		return // not started by the benchmark
	}
	var address string
	switch kind {
	case "handler", "handler-in-a-group":
		address = newBenchServer(t)
	case "relay": // the upstream is in the process of the benchmark
		up, err := url.Parse(os.Getenv("TENANTEDGE_UPSTREAM"))
		if err != nil {
			t.Fatal(err)
		}
		address = newBenchServerWith(t, up, func() {})
	default:
		w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
			c.Limits.Audit = 1 << 30 // an audit makes the complete image of the guest resident
		})
		if kind == "Go" {
			w = newGoEcho(t, w)
		}
		address = w.server.Listener.Addr().String()
	}
	fmt.Println("address", address)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() { // each line requests the resident memory
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

// BenchmarkConsumerIdle opens connections that have sent one message each, and
// reports the resident memory of the server's process for each of them.
func BenchmarkConsumerIdle(b *testing.B) {
	upstream := newEchoServer(b)
	b.Cleanup(func() { upstream.close(canceled()) })
	for kind, target := range idleKinds {
		b.Run(kind, func(b *testing.B) {
			conns := 15000
			if kind == "relay" {
				conns = 8000 // each takes two descriptors in either process
			}
			command := exec.Command(os.Args[0], "-test.run", "^TestConsumerIdle$", "-test.timeout", "0")
			command.Env = append(os.Environ(), "TENANTEDGE_IDLE="+kind, "TENANTEDGE_UPSTREAM="+upstream.server.URL)
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
			measure := func() (n int) {
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
			visit(200) // so that memory that all connections share is not counted
			before := measure()
			visit(conns)
			after := measure()
			for b.Loop() { // the benchmark measures memory, not time
			}
			b.ReportMetric(float64(after-before)/float64(conns), "B/conn")
			for _, v := range all {
				v.Close()
			}
		})
	}
}
