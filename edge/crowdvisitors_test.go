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

// crowdVariable in the environment holds a party, and makes a process of a test
// one of its visitors: a process may have 20,000 descriptors, which server and
// clients would have to share.
const crowdVariable = "TENANTEDGE_TEST_VISITORS"

// party is what a process of visitors is told.
type party struct {
	Addresses [2]string // plain and TLS
	Tenants   int
	Visitors  int // at the same time
	Seed      uint64
	Stay      time.Duration // the longest of one of them without a word
	Answer    time.Duration // how long it waits for an answer, where there may be none
}

// farewells are the ways in which visitors leave, of which a close frame is the
// exception.
var farewells = [...]string{
	"with a close frame", "in the middle of a frame", "with a broken frame", "with a reset",
	"without reading what it asked for", "in the middle of a message", "with compressed rubbish", "without a word",
}

// farewell counts visits by how they ended.
type farewell [len(farewells)]atomic.Int64

// visitorsChild is the other process: its visitors come and go until its input
// ends, and then leave. It writes how they left.
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
			stays(ctx, random, p.Stay/2) // so that they do not all come at once
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

// visitors are a process of visitors.
type visitors struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     strings.Builder
}

// invite starts a process of visitors: this program once more, or the one that
// TENANTEDGE_CROWD_VISITORS names, which is the same without the race detector.
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

// vanish kills the process: all of its visitors are gone at the same moment.
func (v *visitors) vanish(t *testing.T) {
	t.Helper()
	if err := v.command.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = v.command.Wait() // which says that it was killed
}

// leave asks the visitors to.
func (v *visitors) leave() { _ = v.in.Close() }

// left waits until they have, and adds how they did.
func (v *visitors) left(t *testing.T, counts map[string]int64) {
	t.Helper()
	if err := v.command.Wait(); err != nil {
		t.Errorf("a process of visitors: %v", err)
		return
	}
	var own map[string]int64
	if err := json.Unmarshal([]byte(v.out.String()), &own); err != nil {
		t.Errorf("a process of visitors wrote %q: %v", v.out.String(), err)
	}
	for way, n := range own {
		counts[way] += n
	}
}

// crowdTargets are where a visitor goes; one of them sends it away.
var crowdTargets = []string{
	"/handler/", "/handler/", "/handler/", "/script/add%20all", "/script/add%20all", "/script/timer%2050", "/relay/", "/refused/403/",
}

// crowdWords are what a visitor says; some have no answer.
var crowdWords = []string{
	"say hello", "count", "to all of us", "broadcast all hi", "group all hi", "timer 20", "state mourned by all", "channel", "discard all", "kick none", "trap",
}

// enter opens a websocket of a random kind; nil if that fails. below is the
// connection without TLS.
func (p *party) enter(random *rand.Rand) (v *visitor, below *net.TCPConn) {
	way := random.IntN(len(p.Addresses))
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+random.IntN(8)))}} // for the number of ports
	conn, err := dialer.Dial("tcp", p.Addresses[way])
	if err != nil {
		return nil, nil
	}
	below = conn.(*net.TCPConn)
	if way == 1 {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	_ = conn.SetDeadline(time.Now().Add(patience)) // so that a broken test fails, and does not hang
	target := crowdTargets[random.IntN(len(crowdTargets))]
	extensions := []string{"", "Sec-WebSocket-Extensions: permessage-deflate\r\n"}[random.IntN(2)]
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: crowd%d.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, random.IntN(p.Tenants), extensions)
	if random.IntN(20) == 0 { // who does not wait for the answer
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

// visit is one client's stay: it talks, stays or not, and leaves.
func (p *party) visit(ctx context.Context, random *rand.Rand) (way int, came bool) {
	v, below := p.enter(random)
	if v == nil {
		return 0, false
	}
	defer v.Close()
	says := func(b []byte) { _, _ = v.Write(b) } // the other side may have gone
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
	case "without reading what it asked for":
		for range 20 {
			says(clientFrame(sockets.Text, []byte("say "+strings.Repeat("x", 20<<10))))
		}
	case "in the middle of a message":
		says([]byte{byte(sockets.Text), 0x80 | 2, 0, 0, 0, 0, 't', 'o'})
	case "with compressed rubbish":
		rubbish := clientFrame(sockets.Text, []byte{0xff, 0xff, 0xff, 0xff})
		rubbish[0] |= 0x40
		says(rubbish)
		_, _, _ = v.read()
	}
	return way, true
}

// stays waits a random time, which is over when the visitors are to leave.
func stays(ctx context.Context, random *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
