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

// crowdVariable is an environment variable with a party in JSON. It makes a test
// process a process of visitors: a process may have 20,000 descriptors, which server
// and clients would otherwise share.
const crowdVariable = "TENANTEDGE_TEST_VISITORS"

// party configures a process of visitors.
type party struct {
	Addresses [2]string // plain and TLS
	Tenants   int
	Visitors  int // at the same time
	Seed      uint64
	Stay      time.Duration // maximum silence of a visitor
	Answer    time.Duration // how long a visitor waits for an answer, which may not come
}

// farewells are the ways in which visitors leave; only one of them sends a close
// frame.
var farewells = [...]string{
	"with a close frame", "in the middle of a frame", "with a broken frame", "with a reset",
	"without reading the answers", "in the middle of a message", "with invalid compressed data", "by closing the connection",
}

// farewell counts visits by how they ended.
type farewell [len(farewells)]atomic.Int64

// visitorsChild runs a process of visitors: they come and go until its input ends,
// and then leave. It writes the number of visits by farewell, as JSON.
func visitorsChild(text string) error {
	var p party
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var left farewell
	var visitors sync.WaitGroup
	for i := range p.Visitors {
		visitors.Go(func() {
			random := rand.New(rand.NewPCG(p.Seed, uint64(i)))
			stays(ctx, random, p.Stay/2) // so that not all come at the same time
			for ctx.Err() == nil {
				if way, came := p.visit(ctx, random); came {
					left[way].Add(1)
				}
			}
		})
	}
	visitors.Wait()
	counts := map[string]int64{}
	for way, name := range farewells {
		counts[name] = left[way].Load()
	}
	return json.NewEncoder(os.Stdout).Encode(counts)
}

// visitors is a process of visitors.
type visitors struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     strings.Builder
}

// invite starts a process of visitors: this program, or the one in
// TENANTEDGE_CROWD_VISITORS, which is built without the race detector.
func invite(t *testing.T, p party) *visitors {
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

// vanish kills the process: all of its visitors disconnect at the same time.
func (v *visitors) vanish(t *testing.T) {
	t.Helper()
	if err := v.command.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = v.command.Wait() // the error says that it was killed
}

// leave makes the visitors leave.
func (v *visitors) leave() { _ = v.in.Close() }

// left waits until the process has ended, and adds its visits to counts.
func (v *visitors) left(t *testing.T, counts map[string]int64) {
	t.Helper()
	if err := v.command.Wait(); err != nil {
		t.Errorf("a visitors' process failed: %v", err)
		return
	}
	var own map[string]int64
	if err := json.Unmarshal([]byte(v.out.String()), &own); err != nil {
		t.Errorf("a visitors' process wrote %q: %v", v.out.String(), err)
	}
	for way, n := range own {
		counts[way] += n
	}
}

// crowdTargets are the targets of handshakes; one of them rejects them.
var crowdTargets = []string{
	"/handler/", "/handler/", "/handler/", "/script/add%20all", "/script/add%20all", "/script/timer%2050", "/relay/", "/refused/403/",
}

// crowdWords are the messages of visitors; some have no answer.
var crowdWords = []string{
	"say hello", "count", "to all of us", "broadcast all hi", "group all hi", "timer 20", "state mourned by all", "channel", "discard all", "kick none", "trap",
}

// enter opens a websocket of a random kind, or returns nil. below is the TCP
// connection below TLS.
func (p *party) enter(random *rand.Rand) (v *visitor, below *net.TCPConn) {
	way := random.IntN(len(p.Addresses))
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+random.IntN(8)))}} // eight addresses, since each has too few ports
	conn, err := dialer.Dial("tcp", p.Addresses[way])
	if err != nil {
		return nil, nil
	}
	below = conn.(*net.TCPConn)
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
	return v, below
}

// visit is one visit: the client sends messages, stays for a random time, and leaves.
func (p *party) visit(ctx context.Context, random *rand.Rand) (way int, came bool) {
	v, below := p.enter(random)
	if v == nil {
		return 0, false
	}
	defer v.Close()
	says := func(b []byte) { _, _ = v.Write(b) } // the server may have closed the websocket
	for range random.IntN(4) {
		says(clientFrame(sockets.Text, []byte(crowdWords[random.IntN(len(crowdWords))])))
		if random.IntN(3) > 0 {
			_ = v.SetReadDeadline(time.Now().Add(p.Answer))
			if _, _, err := v.read(); err != nil {
				break
			}
		}
	}
	stays(ctx, random, p.Stay)
	_ = v.SetDeadline(time.Now().Add(patience))
	whole := clientFrame(sockets.Text, []byte("not to be finished"))
	way = random.IntN(len(farewells))
	switch farewells[way] {
	case "with a close frame":
		says(clientFrame(8, []byte{0x03, 0xe8}))
		for {
			if _, _, err := v.read(); err != nil {
				break
			}
		}
	case "in the middle of a frame":
		says(whole[:random.IntN(len(whole))])
	case "with a broken frame":
		says([]byte{byte(random.Uint32()) | 0x30, 0x82, 1, 2, 3, 4, 5, 6})
		_, _, _ = v.read()
	case "with a reset":
		_ = below.SetLinger(0)
		below.Close()
	case "without reading the answers":
		for range 20 {
			says(clientFrame(sockets.Text, []byte("say "+strings.Repeat("x", 20<<10))))
		}
	case "in the middle of a message":
		says([]byte{byte(sockets.Text), 0x80 | 2, 0, 0, 0, 0, 't', 'o'})
	case "with invalid compressed data":
		rubbish := clientFrame(sockets.Text, []byte{0xff, 0xff, 0xff, 0xff})
		rubbish[0] |= 0x40
		says(rubbish)
		_, _, _ = v.read()
	}
	return way, true
}

// stays waits for a random time up to most, or until ctx ends.
func stays(ctx context.Context, random *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
