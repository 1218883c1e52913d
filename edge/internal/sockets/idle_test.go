package sockets

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// BenchmarkIdle reports the resident memory of the server's process for each
// idle connection, after one message.
func BenchmarkIdle(b *testing.B) {
	const conns = 4000
	kinds := []string{"gobwas", "gobwas TLS"}
	for _, w := range connKinds {
		kinds = append(kinds, w.name)
	}
	for _, kind := range kinds {
		b.Run(kind, func(b *testing.B) {
			command := exec.Command(os.Args[0], "-test.run", "^TestIdle$", "-test.timeout", "0")
			command.Env = append(os.Environ(), "SOCKETS_IDLE="+kind)
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
				io.WriteString(in, "\n")
				if _, err := fmt.Fscanf(lines, "resident %d\n", &n); err != nil {
					b.Fatal(err)
				}
				return n
			}
			secure := strings.HasSuffix(kind, " TLS")
			visit := func(n int) (clients []*client) {
				for range n {
					c, _, err := request(new(net.Dialer), address, secure, 0, "GET", "HTTP/1.1", handshakeHeader())
					if err != nil {
						b.Fatal(err)
					}
					c.Write(frame(ws.OpText, true, []byte("hello")))
					c.next()
					clients = append(clients, c)
				}
				return clients
			}
			first := visit(200) // memory that all connections share
			before := measure()
			clients := append(visit(conns), first...)
			after := measure()
			for b.Loop() { // the time is not measured
			}
			b.ReportMetric(float64(after-before)/conns, "B/conn")
			for _, c := range clients {
				c.Conn.Close()
			}
		})
	}
}
