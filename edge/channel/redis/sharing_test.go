//go:build unix

package redis

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// linksOf returns a layer's links and its client for sending.
func linksOf(l channel.Layer) (*links, *redis.Client) {
	if core, ok := l.(*Core); ok {
		return core.links, core.clients[0]
	}
	p := l.(*PubSub)
	return p.links, p.clients[0]
}

// Tenants that open and close channels share a fixed number of connections, which are closed
// after the last tenant.
func TestTenantsShareConnectionsThatAreClosedWhenIdle_G6(t *testing.T) {
	const tenants, perSession = 120, 3
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			server := redistest.StartOwn(t)
			goroutines := runtime.NumGoroutine()
			layer := open(t, kind.make, Config{Hosts: []string{server.URL()}})
			w, senders := linksOf(layer)
			w.idleTime = time.Millisecond
			used := func() int { // without the connection of this query
				return connections(t, server) - 1 - int(senders.PoolStats().TotalConns)
			}
			var members []channeltest.Member
			for i := range tenants {
				members = append(members, channeltest.Open(t, channeltest.Scope(t, layer, fmt.Sprint("tenant", i)), "chat"))
			}
			if n := used(); n > perSession {
				t.Errorf("%d tenants use %d connections, expected %d at most", tenants, n, perSession)
			}
			if n := runtime.NumGoroutine() - goroutines; n > 10*perSession {
				t.Errorf("%d tenants use %d goroutines", tenants, n)
			}
			for i, m := range members {
				s, own := channeltest.Scope(t, layer, fmt.Sprint("tenant", i)), fmt.Sprint("for", i)
				channeltest.SendGroup(t, s, "chat", own)
				if got := m.Next(t); got != own {
					t.Errorf("tenant %d got %q, expected %q", i, got, own)
				}
			}
			for _, m := range members {
				m.Close()
			}
			eventually(t, "the connections to be closed", func() bool { return used() == 0 })
			s := channeltest.Scope(t, layer, "tenant0")
			m := channeltest.Open(t, s, "chat")
			channeltest.SendGroup(t, s, "chat", "again")
			if got := m.Next(t); got != "again" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// After a burst of messages, few connections stay open.
func TestABurstOfMessagesLeavesFewConnections_G6(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			layer := open(t, kind.make, Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()})
			_, senders := linksOf(layer)
			d := &connBlocker{of: []byte("chat"), opened: make(chan struct{})}
			senders.AddHook(d)
			var all sync.WaitGroup
			for i := range idleSenders + 1 {
				s := channeltest.Scope(t, layer, fmt.Sprint("tenant", i))
				all.Go(func() {
					if err := s.GroupSend(t.Context(), "chat", channeltest.Message(t, "hello")); err != nil {
						t.Error(err)
					}
				})
			}
			eventually(t, "a connection for each message", func() bool { return d.held.Load() == idleSenders+1 })
			close(d.opened)
			all.Wait()
			// The pool closes surplus connections while others are still being returned.
			eventually(t, "the surplus connections to be closed", func() bool { return senders.PoolStats().TotalConns <= idleSenders })
			if n := senders.Options().PoolSize; n > maxSenders {
				t.Errorf("the pool has up to %d connections, expected %d at most", n, maxSenders)
			}
		})
	}
}

// All tenants' groups work again after Redis had reached its limit of
// connections.
func TestALayerWorksAfterALimitOfConnectionsIsLifted_G6(t *testing.T) {
	const tenants = 120
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			control := dial(t, server)
			do(t, control, []any{"PING"})
			layer := open(t, kind.make, Config{Hosts: []string{server.URL()}})
			var all []*recorder
			for i := range tenants {
				w, s := newRecorder(), channeltest.Scope(t, layer, fmt.Sprint("tenant", i))
				ch, err := s.Open(t.Context(), w)
				if err == nil {
					err = s.Add(t.Context(), "chat", ch)
				}
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, w)
			}
			do(t, control, []any{"CONFIG", "SET", "maxclients", "1"},
				[]any{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}, []any{"CLIENT", "KILL", "TYPE", "pubsub"})
			for _, w := range all {
				if err := await(t, w.breaks, "word of the break"); !errors.Is(err, channel.ErrBroken) {
					t.Fatalf("notified of %v, expected %v", err, channel.ErrBroken)
				}
			}
			do(t, control, []any{"CONFIG", "SET", "maxclients", "1000"})
			for i, w := range all {
				if err := await(t, w.breaks, "word of the resumption"); err != nil {
					t.Fatalf("notified of %v, expected nil", err)
				}
				s, own := channeltest.Scope(t, layer, fmt.Sprint("tenant", i)), fmt.Sprint("for", i)
				eventually(t, "a send that works", func() bool {
					return s.GroupSend(t.Context(), "chat", channeltest.Message(t, own)) == nil
				})
				if got := await(t, w.messages, "a message"); got != own {
					t.Errorf("tenant %d got %q, expected %q", i, got, own)
				}
			}
		})
	}
}

// blockedReceiver is a receiver that blocks, against the rules.
type blockedReceiver struct{ entered, opened chan struct{} }

func (s blockedReceiver) Receive(*channel.Message) bool {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.opened
	return true
}
func (blockedReceiver) Interrupted(error) {}

// A tenant whose receivers block delays no other tenant, and its backlog is
// bounded: in Redis by the capacity, in the process by bytes.
func TestW5ASlowTenantDelaysNoOther_G6(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix(), Capacity: 5}
			layer := open(t, kind.make, config)
			acme, bolt := channeltest.Scope(t, layer, "acme"), channeltest.Scope(t, layer, "bolt")
			slow := blockedReceiver{make(chan struct{}, 1), make(chan struct{})}
			defer close(slow.opened)
			ch, err := acme.Open(t.Context(), slow)
			if err == nil {
				err = acme.Add(t.Context(), "chat", ch)
			}
			if err != nil {
				t.Fatal(err)
			}
			quick := channeltest.Open(t, bolt, "chat")
			large := channeltest.Message(t, "large", channel.Field{Name: "text", Value: strings.Repeat("x", 900<<10)})
			for range 12 { // more than inboxBytes
				if err := acme.GroupSend(t.Context(), "chat", large); err != nil {
					t.Fatal(err)
				}
			}
			await(t, slow.entered, "the slow receiver's first message")
			for i := range 20 {
				channeltest.SendGroup(t, bolt, "chat", fmt.Sprint("received", i))
				if got := quick.Next(t); got != fmt.Sprint("received", i) {
					t.Errorf("got %q", got)
				}
			}
			eventually(t, "drops to be counted", func() bool { return acme.Stats().OverCapacity > 0 })
			if s := bolt.Stats(); s.OverCapacity+s.Full != 0 {
				t.Errorf("the other tenant lost messages: %+v", s)
			}
		})
	}
}

// A Redis without CLIENT TRACKING fails with an error that names it.
func TestW6TheCoreLayerReportsThatItNeedsTracking_G6(t *testing.T) {
	server := redistest.StartOwn(t)
	do(t, dial(t, server), []any{"ACL", "SETUSER", "default", "-client|tracking"})
	layer := open(t, kinds[0].make, Config{Hosts: []string{server.URL()}})
	_, err := channeltest.Scope(t, layer, "acme").Open(t.Context(), newRecorder())
	if !errors.Is(err, channel.ErrBroken) || !strings.Contains(err.Error(), "CLIENT TRACKING") {
		t.Errorf("got %v, expected an error that names CLIENT TRACKING", err)
	}
}

// The reply to one read is bounded, whatever the queues contain.
func TestAReadTakesABoundedNumberOfMessages_G6(t *testing.T) {
	r := &reader{wake: make(chan struct{}, 1), queues: map[string]*queue{}}
	for i := range 3 * queuesPerRead {
		r.add(fmt.Sprint("queue", i), nil)
	}
	seen := map[string]bool{}
	for range 3 {
		all := r.next()
		if len(all) != queuesPerRead {
			t.Errorf("a read takes %d queues, expected %d", len(all), queuesPerRead)
		}
		for _, q := range all {
			seen[q.key] = true
			r.done(q, true)
		}
	}
	if len(seen) != 3*queuesPerRead {
		t.Errorf("three reads took %d queues, expected each of %d once", len(seen), 3*queuesPerRead)
	}
	for _, test := range []struct {
		take, expected int64
		messages, size int
	}{
		{takeFirst, 2 * takeFirst, takeFirst, 100},
		{takeMost, takeMost, takeMost, 100},
		{takeMost, 4, takeMost, takeBytes / 4},
		{takeMost, 1, 1, 8 * takeBytes},
		{1, 2, 1, 1},
	} {
		last := make([]redis.Z, test.messages)
		for i := range last {
			last[i].Member = strings.Repeat("x", test.size)
		}
		if got := takeNext(test.take, last); got < test.expected-1 || got > test.expected {
			t.Errorf("after %d messages of %d bytes the next read takes %d, expected %d", test.messages, test.size, got, test.expected)
		}
	}
}

// A Redis user needs only the permissions that the documentation names.
func TestFewPermissionsAreEnough_G6(t *testing.T) {
	for i, permissions := range []string{
		"~asgi* &__redis__:invalidate +zadd +expire +zrem +zremrangebyscore +zrange +zcount +zcard +zpopmin +exists +set +del +eval +multi +exec +ping +subscribe +client|id +client|tracking",
		"&asgi* &acme.* +publish +subscribe +unsubscribe +ping",
	} {
		t.Run(kinds[i].name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			command := []any{"ACL", "SETUSER", "edge", "on", ">secret", "resetchannels"}
			for _, p := range strings.Fields(permissions) {
				command = append(command, p)
			}
			do(t, dial(t, server), command)
			layer := open(t, kinds[i].make, Config{Hosts: []string{strings.Replace(server.URL(), "://", "://edge:secret@", 1)}})
			w, _ := linksOf(layer)
			w.idleTime = time.Millisecond
			s := channeltest.Scope(t, layer, "acme")
			for range 2 {
				m := channeltest.Open(t, s, "chat")
				channeltest.SendGroup(t, s, "chat", "hello")
				if err := s.Send(t.Context(), m.Name(), channeltest.Message(t, "direct")); err != nil {
					t.Error(err)
				}
				for _, expected := range []string{"hello", "direct"} {
					if got := m.Next(t); got != expected {
						t.Errorf("got %q, expected %q", got, expected)
					}
				}
				m.Close()
				eventually(t, "the session to end", func() bool { return connections(t, server) <= 2+idleSenders })
			}
			if got := s.Stats(); got.Breaks+got.Unsent != 0 {
				t.Errorf("counted %+v", got)
			}
		})
	}
}
