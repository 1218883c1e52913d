package sockets

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

var (
	orders    = flag.Int("orders", 2, "number of worlds of each kind in TestAnyOrderOfEventsEndsAndLosesNothing")
	firstSeed = flag.Uint64("orderseed", 1, "the seed of the first of them")
)

// TestAnyOrderOfEventsEndsAndLosesNothing runs many concurrent conversations,
// whose sides write, wait, pause and close at random, with or without a shutdown
// in the middle. Timeouts are too long to end them. A model decides which
// messages must have arrived and how each may have ended.
func TestAnyOrderOfEventsEndsAndLosesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		for _, relays := range []bool{false, true} {
			name := "handlers"
			if relays {
				name = "relays"
			}
			t.Run(name, func(t *testing.T) {
				checkLeaks(t, func() {
					for seed := *firstSeed; seed < *firstSeed+uint64(*orders) && !t.Failed(); seed++ {
						newScene(t, w, relays, seed).run(t)
					}
				})
			})
		}
	})
}

// disturbance is an event in the middle that affects all conversations.
type disturbance uint8

const (
	nothing disturbance = iota
	tenantClosed
	shutdown // with a wait for the connections
	dropped  // without a wait
)

// scene is a hub and its conversations.
type scene struct {
	seed          uint64
	relays        bool
	world         *world
	backend       *httptest.Server // the upstream of relays
	secure        bool             // with TLS
	disturbance   disturbance
	conversations []*conversation
	tenant        atomic.Pointer[tenant]

	remaining atomic.Int64 // events until the disturbance
	disturbed chan struct{}
}

// conversation is between a client and a handler or an upstream.
type conversation struct {
	client       framePeer
	upstream     framePeer
	handler      handlerPeer
	accepted     bool
	upstreamDone chan struct{} // closed when the upstream has closed its connection
}

func (c *conversation) String() string {
	return fmt.Sprintf("client: %v (sent %d, got %d, code %d, %v); upstream: %v (sent %d, got %d, code %d, %v); handler: sent %d, got %d, closed %d times with %d",
		c.client.part, c.client.sent, c.client.got, c.client.closeCode, c.client.readErr,
		c.upstream.part, c.upstream.sent, c.upstream.got, c.upstream.closeCode, c.upstream.readErr,
		c.handler.sent, c.handler.got, c.handler.closed.Load(), c.handler.closeCode)
}

func newScene(t *testing.T, w connKind, relays bool, seed uint64) *scene {
	random := rand.New(rand.NewPCG(seed, 300))
	s := &scene{seed: seed, relays: relays, disturbed: make(chan struct{})}
	s.disturbance = disturbance(max(random.IntN(6)-2, 0))
	s.remaining.Store(1 + random.Int64N(300))
	// Queues are short, timeouts are long.
	config := Config{
		MaxQueue: 4 << 10 << random.IntN(3), NoPoll: w.noPoll, MaxWorkers: 64,
		WriteTimeout: time.Hour, CloseTimeout: time.Hour, PingInterval: time.Hour, PongTimeout: time.Hour,
	}
	hub, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	s.world = &world{hub: hub, tls: w.tls, serve: s.serve, dialer: net.Dialer{Control: narrow}}
	bare := func(l net.Listener) net.Listener { return l }
	wrap := Listen
	if relays {
		// The two sides may be of different kinds.
		s.secure = w.tls != (random.IntN(4) == 0)
		if random.IntN(4) == 0 {
			wrap = bare
		}
		s.backend = serveNarrow(t, http.HandlerFunc(s.upstream), s.secure, bare)
	}
	s.world.server = serveNarrow(t, s.world, w.tls, wrap)
	for range 12 {
		maxMessages, brisk := 40, random.IntN(6) == 0
		if brisk {
			maxMessages = 400
		}
		a := part{random.Uint64(), random.IntN(maxMessages), []ending{closes, closes, closes, halfCloses, ends, breaks, vanishes, resets, waits}[random.IntN(9)], Code(3000 + random.IntN(1000)), brisk}
		b := part{random.Uint64(), random.IntN(maxMessages), waits, Code(4000 + random.IntN(1000)), brisk}
		if a.ending == waits || random.IntN(3) == 0 {
			b.ending = []ending{closes, closes, halfCloses, ends, breaks, vanishes, resets}[random.IntN(7)]
		}
		c := &conversation{upstreamDone: make(chan struct{})}
		c.client = framePeer{part: a, peer: b, masked: true, progress: s.progress}
		c.upstream = framePeer{part: b, peer: a, progress: s.progress}
		c.handler = handlerPeer{part: b, peer: a, progress: s.progress, done: make(chan struct{}), sentDone: make(chan struct{}), random: rand.New(rand.NewPCG(b.seed, 400))}
		s.conversations = append(s.conversations, c)
	}
	return s
}

// serveNarrow starts a server whose connections have small kernel buffers.
func serveNarrow(t *testing.T, handler http.Handler, secure bool, wrap func(net.Listener) net.Listener) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	listener, err := (&net.ListenConfig{Control: narrow}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = wrap(listener)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	return server
}

// progress counts an event, and triggers the disturbance at the right one.
func (s *scene) progress() {
	if s.remaining.Add(-1) == 0 {
		go s.disturb()
	}
}

func (s *scene) disturb() {
	defer close(s.disturbed)
	switch s.disturbance {
	case tenantClosed:
		_, _ = s.world.hub.CloseTenant("acme", CodePolicy, "")
	case shutdown:
		_ = s.world.hub.Shutdown(context.Background())
	case dropped:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.world.hub.Shutdown(ctx)
	}
}

const conversationHeader = "X-Conversation"

func (s *scene) of(r *http.Request) *conversation {
	i, _ := strconv.Atoi(r.Header.Get(conversationHeader))
	return s.conversations[i]
}

// serve is the handler of the hub's server.
func (s *scene) serve(rw http.ResponseWriter, r *http.Request) {
	c := s.of(r)
	options := Options{Tenant: "acme", AllowNoOrigin: true, Handler: &c.handler}
	handshake, err := s.world.hub.Admit(rw, r, options)
	if err != nil {
		return
	}
	s.tenant.CompareAndSwap(nil, handshake.conn.tenant)
	if !s.relays {
		_, _ = handshake.Accept(&c.handler, nil, nil)
		return
	}
	conn, err := s.world.dialer.Dial("tcp", s.backend.Listener.Addr().String())
	if err != nil {
		handshake.Reject()
		return
	}
	if s.secure {
		conn = tls.Client(newSwitchable(conn), &tls.Config{InsecureSkipVerify: true})
	}
	up, err := new(Dialer).handshake(conn, &http.Request{URL: &url.URL{Scheme: "ws", Host: "upstream", Path: "/"}, Header: r.Header})
	if err != nil {
		conn.Close()
		handshake.Reject()
		return
	}
	_, _ = handshake.Relay(up, nil)
}

// upstream is the handler of the upstream.
func (s *scene) upstream(rw http.ResponseWriter, r *http.Request) {
	conn, rest, _, err := ws.UpgradeHTTP(r, rw)
	if err != nil {
		return
	}
	c := s.of(r)
	defer close(c.upstreamDone)
	c.upstream.conn, c.upstream.r = conn, rest.Reader
	c.upstream.run()
}

func (s *scene) run(t *testing.T) {
	var all sync.WaitGroup
	for i, c := range s.conversations {
		all.Go(func() {
			random := rand.New(rand.NewPCG(c.client.seed, 500))
			c.client.pause(random)
			header := handshakeHeader()
			maps.Copy(header, http.Header{conversationHeader: {strconv.Itoa(i)}})
			conn := s.world.open(header)
			if conn == nil {
				return
			}
			c.accepted = true
			c.client.conn, c.client.r = conn.Conn, conn.r
			c.client.run()
			done := []chan struct{}{c.handler.done, c.handler.sentDone}
			if s.relays {
				done = []chan struct{}{c.upstreamDone}
			}
			for _, done := range done {
				select {
				case <-done:
				case <-time.After(patience):
					c.client.wrong = errors.New("the other connection was not closed")
				}
			}
		})
	}
	all.Wait()
	if s.remaining.Add(-1<<30) > -1<<30 { // not triggered yet
		close(s.disturbed)
	}
	failed := false
	for i, c := range s.conversations {
		for _, wrong := range s.check(c) {
			t.Errorf("seed %d, disturbance %d, conversation %d: %s\n%v", s.seed, s.disturbance, i, wrong, c)
			failed = true
		}
	}
	if failed {
		for _, c := range s.world.hub.members() {
			t.Log(c.state())
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.world.hub.Shutdown(ctx); err != nil {
		t.Errorf("seed %d: %v", s.seed, err)
	}
	<-s.disturbed
	s.world.server.Close()
	if s.backend != nil {
		s.backend.Close()
	}
	stats := s.world.hub.Stats()
	var ended uint64
	for _, n := range stats.Closed {
		ended += n
	}
	if stats.Polled+stats.Goroutines+stats.Upstreams != 0 || stats.Tenants != 0 || stats.Timeouts+stats.Slow+stats.Panics != 0 || ended != stats.Accepted {
		t.Errorf("seed %d: expected no connections, timeouts and panics, found %+v", s.seed, stats)
	}
	if shared := s.tenant.Load(); shared != nil && shared.queued.Load() != 0 {
		t.Errorf("seed %d: %d bytes are counted for closed connections", s.seed, shared.queued.Load())
	}
}

// check checks a conversation against the model.
func (s *scene) check(c *conversation) (all []string) {
	wrong := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	a, b, h := &c.client, &c.upstream, &c.handler
	if !c.accepted {
		if s.disturbance < shutdown {
			wrong("the connection was not accepted")
		}
		return all
	}
	for _, err := range []error{a.wrong, b.wrong, h.failure()} {
		if err != nil {
			wrong("%v", err)
		}
	}
	for name, end := range map[string]error{"client": a.readErr, "upstream": b.readErr} {
		if end != nil && !lost(end) {
			wrong("%s: %v", name, end)
		}
	}
	abrupt := func(e ending) bool { return e == vanishes || e == resets }
	disturbed := s.disturbance != nothing
	drops := s.disturbance == dropped
	sent, got := h.sent, h.got
	if s.relays {
		sent, got = b.sent, b.got
	}
	// The client's messages have arrived, unless a side stopped reading.
	if ignored := disturbed || abrupt(a.ending) || abrupt(b.ending) || !s.relays && b.ending != waits ||
		s.relays && (b.ending == ends || b.ending == breaks || b.ending == halfCloses); !ignored && got != a.sent {
		wrong("%[2]d of the client's %[1]d messages arrived", a.sent, got)
	}
	// So have those of the other side.
	if ignored := drops || s.relays && disturbed || abrupt(a.ending) || a.ending == ends || abrupt(b.ending); !ignored && a.got != sent {
		wrong("%[2]d of %[1]d messages to the client arrived", sent, a.got)
	}
	var codes []Code
	add := func(holds bool, more ...Code) {
		if holds {
			codes = append(codes, more...)
		}
	}
	add(disturbed, CodeGoingAway, CodePolicy)
	add(a.ending == closes || a.ending == halfCloses, a.code)
	add(b.ending == closes || b.ending == halfCloses, b.code)
	forClient := slices.Clone(codes)
	if a.ending == breaks {
		forClient = append(forClient, CodeProtocol)
	}
	if s.relays && b.ending > halfCloses {
		forClient = append(forClient, CodeBadGateway)
	}
	if !s.relays && (b.ending == ends || b.ending == breaks) { // its handler closes then
		forClient = append(forClient, b.code)
	}
	silent := drops || a.ending == ends || abrupt(a.ending) || !s.relays && abrupt(b.ending)
	if a.closeCode == 0 && !silent || a.closeCode != 0 && !slices.Contains(forClient, a.closeCode) {
		wrong("the client got the code %d, expected one of %d", a.closeCode, forClient)
	}
	if a.closeCode != 0 && !abrupt(a.ending) && !drops && (s.relays || !abrupt(b.ending)) && a.readErr != io.EOF {
		wrong("expected the stream to the client to end normally, found %v", a.readErr)
	}
	if !s.relays {
		if n := h.closed.Load(); n != 1 {
			wrong("Closed was called %d times", n)
		}
		if silent {
			forClient = append(forClient, CodeAbnormal)
		}
		if !slices.Contains(forClient, h.closeCode) {
			wrong("the handler got the code %d, expected one of %d", h.closeCode, forClient)
		}
		return all
	}
	add(a.ending == breaks, CodeGoingAway)
	add(b.ending == breaks, CodeProtocol)
	silent = drops || a.ending == ends || abrupt(a.ending) || b.ending == ends || b.ending == halfCloses || abrupt(b.ending)
	if b.closeCode == 0 && !silent || b.closeCode != 0 && !slices.Contains(codes, b.closeCode) {
		wrong("the upstream got the code %d, expected one of %d", b.closeCode, codes)
	}
	return all
}

// lost reports whether an error is that of a lost connection, not of a wrong
// message.
func lost(err error) bool {
	var op *net.OpError
	return err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// members returns all connections that can be closed.
func (h *Hub) members() (all []*Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.tenants {
		all = append(all, t.members()...)
	}
	return all
}

// state describes a connection, for debugging.
func (c *Conn) state() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("connection %d: flags %b, %d bytes wait, writing %v, closing %v, broken %v, paused %v, calling %v",
		c.id, c.flags.Load(), c.out.size, c.writing, c.closing, c.broken, c.paused, c.calling)
}

// handlerPeer is a side of a conversation that is a handler.
type handlerPeer struct {
	part
	peer     part
	progress func()
	done     chan struct{}
	sentDone chan struct{} // closed after its last message
	random   *rand.Rand    // of the callbacks

	mu   sync.Mutex // serializes sending
	sent int

	got       int
	wrong     error
	closed    atomic.Int32
	closeCode Code
}

func (p *handlerPeer) failure() error { return p.wrong }

// Open implements Handler.
func (p *handlerPeer) Open(c *Conn) {
	go func() {
		defer close(p.sentDone)
		random := rand.New(rand.NewPCG(p.seed, 600))
		for p.sendNext(c) {
			p.pause(random)
		}
		p.mu.Lock()
		sentAll := p.sent == p.messages
		p.mu.Unlock()
		switch {
		case !sentAll || p.ending == waits:
		case p.ending == vanishes || p.ending == resets:
			c.schedule(flagAbort)
		default:
			_ = c.Close(p.code, "")
		}
	}()
}

// sendNext sends the next message, if there is one.
func (p *handlerPeer) sendNext(c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == p.messages || c.WaitWritable(nil) != nil || c.Send(p.message(p.sent)) != nil {
		return false
	}
	p.sent++
	return true
}

// Message implements Handler.
func (p *handlerPeer) Message(c *Conn, op Op, payload []byte) {
	p.progress()
	if err := p.peer.expects(p.got, op, payload); err != nil && p.wrong == nil {
		p.wrong = err
	}
	p.got++
	switch p.random.IntN(8) {
	case 0:
		p.sendNext(c)
	case 1:
		c.Pause()
		go c.Resume()
	case 2:
		c.Pause()
		later := p.random.Uint64()
		go func() {
			p.pause(rand.New(rand.NewPCG(later, 0)))
			c.Resume()
		}()
	}
	p.pause(p.random)
}

// Closed implements Handler.
func (p *handlerPeer) Closed(_ *Conn, code Code, _ string) {
	if p.closed.Add(1) == 1 {
		p.closeCode = code
		close(p.done)
	}
}

var _ Handler = (*handlerPeer)(nil)
