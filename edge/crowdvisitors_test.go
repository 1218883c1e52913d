package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// crowdVariable is an environment variable with a visitorsConfig in JSON. It makes a test
// process a process of visitors: a process may have 20,000 descriptors, which the
// server and the clients would otherwise share.
const crowdVariable = "TENANTEDGE_TEST_VISITORS"

// visitorsConfig configures a process of visitors.
type visitorsConfig struct {
	Addresses [2]string // plain and TLS
	Tenants   int
	Visitors  int // at the same time
	Seed      uint64
	Stay      time.Duration // maximum silence of a visitor
	Answer    time.Duration // how long a visitor waits for an answer, which may not come
}

// disconnects are the ways in which visitors disconnect; only the first sends a close
// frame.
var disconnects = [...]string{
	"with a close frame", "in the middle of a frame", "with a broken frame", "with a reset",
	"without reading the answers", "in the middle of a message", "with invalid compressed data", "by closing the connection",
}

// disconnectCounts counts visits by the way of disconnecting, an index in disconnects.
type disconnectCounts [len(disconnects)]atomic.Int64

// visitorsChild runs a process of visitors: they connect and disconnect until its
// input ends. Then it writes the number of visits for each way of disconnecting, as
// JSON.
func visitorsChild(text string) error {
	var p visitorsConfig
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var counted disconnectCounts
	var visitors sync.WaitGroup
	for i := range p.Visitors {
		visitors.Go(func() {
			random := rand.New(rand.NewPCG(p.Seed, uint64(i)))
			pause(ctx, random, p.Stay/2) // so that not all connect at the same time
			for ctx.Err() == nil {
				if way, connected := p.visit(ctx, random); connected {
					counted[way].Add(1)
				}
			}
		})
	}
	visitors.Wait()
	counts := map[string]int64{}
	for way, name := range disconnects {
		counts[name] = counted[way].Load()
	}
	return json.NewEncoder(os.Stdout).Encode(counts)
}

// visitors is a process of visitors.
type visitors struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     strings.Builder
}

// startVisitors starts a process of visitors: this program, or the one in
// TENANTEDGE_CROWD_VISITORS, which is built without the race detector.
func startVisitors(t *testing.T, p visitorsConfig) *visitors {
	t.Helper()
	program := os.Args[0]
	if other := os.Getenv("TENANTEDGE_CROWD_VISITORS"); other != "" {
		program = other
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitors{command: exec.Command(program)}
	v.command.Env = append(os.Environ(), crowdVariable+"="+string(text))
	v.command.Stdout, v.command.Stderr = &v.out, os.Stderr
	if v.in, err = v.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := v.command.Start(); err != nil {
		t.Fatal(err)
	}
	return v
}

// kill kills the process: all of its visitors disconnect at the same time.
func (v *visitors) kill(t *testing.T) {
	t.Helper()
	if err := v.command.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = v.command.Wait() // the error reports the kill
}

// stop makes the visitors disconnect and the process end; see wait.
func (v *visitors) stop() { _ = v.in.Close() }

// wait waits until the process has ended, and adds its visits to counts.
func (v *visitors) wait(t *testing.T, counts map[string]int64) {
	t.Helper()
	if err := v.command.Wait(); err != nil {
		t.Errorf("a visitors' process failed: %v", err)
		return
	}
	var counted map[string]int64
	if err := json.Unmarshal([]byte(v.out.String()), &counted); err != nil {
		t.Errorf("a visitors' process wrote %q: %v", v.out.String(), err)
	}
	for way, n := range counted {
		counts[way] += n
	}
}

// crowdTargets are the targets of handshakes; one of them rejects them.
var crowdTargets = []string{
	"/handler/", "/handler/", "/handler/", "/script/add%20all", "/script/add%20all", "/script/timer%2050", "/relay/", "/rejected/403/",
}

// crowdMessages are the messages of visitors; some have no answer.
var crowdMessages = []string{
	"say hello", "count", "to all of us", "broadcast all hi", "group all hi", "timer 20", "state at close notify all", "channel", "discard all", "kick none", "trap",
}

// open opens a websocket of a random kind, or returns nil. tcp is the
// connection, below TLS if that is used.
func (p *visitorsConfig) open(random *rand.Rand) (v *visitor, tcp *net.TCPConn) {
	way := random.IntN(len(p.Addresses))
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+random.IntN(8)))}} // eight addresses, since each has too few ports
	conn, err := dialer.Dial("tcp", p.Addresses[way])
	if err != nil {
		return nil, nil
	}
	tcp = conn.(*net.TCPConn)
	if way == 1 {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	_ = conn.SetDeadline(time.Now().Add(patience)) // so that a broken test fails instead of hanging
	target := crowdTargets[random.IntN(len(crowdTargets))]
	extensions := []string{"", "Sec-WebSocket-Extensions: permessage-deflate\r\n"}[random.IntN(2)]
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: crowd%d.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, random.IntN(p.Tenants), extensions)
	if random.IntN(20) == 0 { // disconnect before the answer
		conn.Close()
		return nil, nil
	}
	v = &visitor{Conn: conn, in: bufio.NewReaderSize(conn, 512)}
	answer, err := http.ReadResponse(v.in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil, nil
	}
	return v, tcp
}

// visit makes one visit: it connects, sends messages, is silent for a random time, and
// disconnects in one of the ways, which it returns.
func (p *visitorsConfig) visit(ctx context.Context, random *rand.Rand) (way int, connected bool) {
	v, tcp := p.open(random)
	if v == nil {
		return 0, false
	}
	defer v.Close()
	send := func(b []byte) { _, _ = v.Write(b) } // the server may have closed the websocket
	for range random.IntN(4) {
		send(clientFrame(sockets.Text, []byte(crowdMessages[random.IntN(len(crowdMessages))])))
		if random.IntN(3) > 0 {
			_ = v.SetReadDeadline(time.Now().Add(p.Answer))
			if _, _, err := v.read(); err != nil {
				break
			}
		}
	}
	pause(ctx, random, p.Stay)
	_ = v.SetDeadline(time.Now().Add(patience))
	complete := clientFrame(sockets.Text, []byte("not to be finished"))
	way = random.IntN(len(disconnects))
	switch disconnects[way] {
	case "with a close frame":
		send(clientFrame(8, []byte{0x03, 0xe8}))
		for {
			if _, _, err := v.read(); err != nil {
				break
			}
		}
	case "in the middle of a frame":
		send(complete[:random.IntN(len(complete))])
	case "with a broken frame":
		send([]byte{byte(random.Uint32()) | 0x30, 0x82, 1, 2, 3, 4, 5, 6})
		_, _, _ = v.read()
	case "with a reset":
		_ = tcp.SetLinger(0)
		tcp.Close()
	case "without reading the answers":
		for range 20 {
			send(clientFrame(sockets.Text, []byte("say "+strings.Repeat("x", 20<<10))))
		}
	case "in the middle of a message":
		send([]byte{byte(sockets.Text), 0x80 | 2, 0, 0, 0, 0, 't', 'o'})
	case "with invalid compressed data":
		invalid := clientFrame(sockets.Text, []byte{0xff, 0xff, 0xff, 0xff})
		invalid[0] |= 0x40
		send(invalid)
		_, _, _ = v.read()
	}
	return way, true
}

// pause waits for a random time up to limit, or until ctx ends.
func pause(ctx context.Context, random *rand.Rand, limit time.Duration) {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(limit))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
