//go:build unix

package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

const patience = 30 * time.Second

// recorder is a receiver that records messages and notifications.
type recorder struct {
	messages chan string
	breaks   chan error
}

func newRecorder() *recorder { return &recorder{make(chan string, 1000), make(chan error, 100)} }

func (w *recorder) Receive(m *channel.Message) bool { w.messages <- m.Type(); return true }
func (w *recorder) Interrupted(err error)           { w.breaks <- err }

// awaitResume waits for the notification of a break and then of its end.
func (w *recorder) awaitResume(t *testing.T) {
	t.Helper()
	if err := await(t, w.breaks, "word of the break"); !errors.Is(err, channel.ErrBroken) {
		t.Errorf("notified of %v, expected %v", err, channel.ErrBroken)
	}
	if err := await(t, w.breaks, "word of the resumption"); err != nil {
		t.Errorf("notified of %v, expected nil", err)
	}
}

func await[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !condition(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func TestW6ABrokenLayerNotifiesReceiversAndResumes(t *testing.T) {
	for _, kind := range kinds {
		for _, hosts := range []int{1, 2} {
			t.Run(fmt.Sprint(kind.name, " with ", hosts, " hosts"), func(t *testing.T) {
				t.Parallel()
				server := redistest.StartOwn(t)
				config := Config{Hosts: []string{server.URL(), redistest.Start(t).URL()}[:hosts], Prefix: redistest.Prefix()}
				a, b := open(t, kind.make, config), open(t, kind.make, config)
				here, there := channeltest.Scope(t, a, "acme"), channeltest.Scope(t, b, "acme")
				w := newRecorder()
				ch, err := here.Open(t.Context(), w)
				if err != nil {
					t.Fatal(err)
				}
				if err := here.Add(t.Context(), "chat", ch); err != nil {
					t.Fatal(err)
				}
				channeltest.SendGroup(t, there, "chat", "before")
				await(t, w.messages, "a message")

				for _, end := range []func(testing.TB){server.Stop, server.Kill} {
					end(t)
					if err := await(t, w.breaks, "word of the break"); !errors.Is(err, channel.ErrBroken) {
						t.Errorf("notified of %v, expected %v", err, channel.ErrBroken)
					}
					if hosts == 1 {
						callsFail(t, there, here, ch)
					}
					if s := a.Stats(); s.Broken != 1 || s.Breaks == 0 {
						t.Errorf("counted %+v", s)
					}
					server.Restart(t) // empty: only what the layer writes again exists
					if err := await(t, w.breaks, "word of the resumption"); err != nil {
						t.Errorf("notified of %v, expected nil", err)
					}
					if s := a.Stats(); s.Broken != 0 || s.Resumes != s.Breaks {
						t.Errorf("counted %+v", s)
					}
					// The sender's first connection may be stale.
					eventually(t, "a send that works", func() bool {
						return there.GroupSend(t.Context(), "chat", channeltest.Message(t, "after")) == nil
					})
					if got := await(t, w.messages, "a message after the restart"); got != "after" {
						t.Errorf("got %q", got)
					}
				}
			})
		}
	}
}

// logBuffer is a log that can be read during writes.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

func TestW6ABreakIsLoggedOnceForAllTenants(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server, log := redistest.StartOwn(t), &logBuffer{}
			config := Config{Hosts: []string{server.URL()}}
			config.Logger = slog.New(slog.NewTextHandler(log, nil))
			layer := open(t, kind.make, config)
			var all []*recorder
			for i := range 5 {
				w := newRecorder()
				s := channeltest.Scope(t, layer, fmt.Sprint("tenant", i))
				ch, err := s.Open(t.Context(), w)
				if err == nil {
					err = s.Add(t.Context(), "chat", ch)
				}
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, w)
			}
			server.Kill(t)
			for _, w := range all {
				await(t, w.breaks, "word of the break")
			}
			server.Restart(t)
			for _, w := range all {
				await(t, w.breaks, "word of the resumption")
			}
			if broke, works := log.count("the channel layer broke"), log.count("the channel layer works again"); broke != 1 || works != 1 {
				t.Errorf("the log has %d breaks and %d ends, expected one each", broke, works)
			}
		})
	}
}

// callsFail checks that calls fail soon while Redis is down.
func callsFail(t *testing.T, there, here channel.Scope, ch *channel.Channel) {
	t.Helper()
	hello := channeltest.Message(t, "hello")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, openErr := here.Open(ctx, newRecorder())
	for what, err := range map[string]error{
		"Open":      openErr,
		"GroupSend": there.GroupSend(ctx, "chat", hello),
		"Send":      there.Send(ctx, ch.Name(), hello),
		"Add":       here.Add(ctx, "another", ch),
	} {
		if !errors.Is(err, channel.ErrBroken) || ctx.Err() != nil {
			t.Errorf("%s: got %v, expected %v", what, err, channel.ErrBroken)
		}
	}
}

func TestW6ASilentlyDeadHostIsDetected(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			layer := open(t, kind.make, Config{Hosts: []string{server.URL()}})
			switch l := layer.(type) {
			case *Core:
				l.beat, l.answer = time.Second, time.Second
			case *PubSub:
				l.beat, l.answer = time.Second, time.Second
			}
			w := newRecorder()
			if _, err := channeltest.Scope(t, layer, "acme").Open(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the session to connect", func() bool { return connections(t, server) >= 2 })
			signal := func(s syscall.Signal) {
				if err := syscall.Kill(server.PID(), s); err != nil {
					t.Fatal(err)
				}
			}
			signal(syscall.SIGSTOP)
			err := await(t, w.breaks, "word of the silence")
			signal(syscall.SIGCONT)
			if !errors.Is(err, channel.ErrBroken) {
				t.Errorf("notified of %v, expected %v", err, channel.ErrBroken)
			}
			if err := await(t, w.breaks, "word of the resumption"); err != nil {
				t.Errorf("notified of %v, expected nil", err)
			}
		})
	}
}

// connections returns the number of connections of a server, including that of
// the command.
func connections(t *testing.T, s *redistest.Server) int {
	t.Helper()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	return strings.Count(client.ClientList(t.Context()).Val(), "\n")
}

func TestW6AMailboxReportsABreakThatIsOver(t *testing.T) {
	box := channeltest.NewMailbox(channeltest.MailboxConfig{})
	box.Interrupted(channel.ErrBroken)
	box.Interrupted(nil)
	if _, err := box.Next(t.Context()); !errors.Is(err, channel.ErrBroken) {
		t.Errorf("got %v, expected %v", err, channel.ErrBroken)
	}
	box.Receive(channeltest.Message(t, "again"))
	if m, err := box.Next(t.Context()); err != nil || m.Type() != "again" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestW6MembershipOutlivesTheGroupsExpiry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	config := Config{Hosts: []string{server.URL()}, Prefix: redistest.Prefix(), GroupExpiry: 3 * time.Second}
	a, b := open(t, kinds[0].make, config), open(t, kinds[0].make, config)
	a.(*Core).beat = 50 * time.Millisecond // for 64 topics each, so that a stall of one second loses nothing
	s := channeltest.Scope(t, a, "acme")
	m := channeltest.Open(t, s, "chat")
	for i := range 3 * dueAtLeast { // more than are renewed at a time
		if err := s.Add(t.Context(), fmt.Sprint("room", i), m.Channel); err != nil {
			t.Fatal(err)
		}
	}
	client := b.(*Core).clients[0]
	key := b.(*Core).groupKey("acme.chat")
	joined := client.ZRangeWithScores(t.Context(), key, 0, -1).Val()[0].Score
	eventually(t, "renewals for more than an expiry", func() bool {
		members := client.ZRangeWithScores(t.Context(), key, 0, -1).Val()
		return len(members) == 1 && members[0].Score > joined+4
	})
	other := channeltest.Scope(t, b, "acme")
	for _, group := range []string{"chat", "room0", fmt.Sprint("room", 3*dueAtLeast-1)} {
		channeltest.SendGroup(t, other, group, "still here")
		if got := m.Next(t); got != "still here" {
			t.Errorf("got %q", got)
		}
	}
}

func TestW2AMessageForAnotherTenantsChannelIsDroppedAndCounted(t *testing.T) {
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()}
	core := open(t, kinds[0].make, config).(*Core)
	acme, bolt := channeltest.Scope(t, core, "acme"), channeltest.Scope(t, core, "bolt")
	ours, theirs := channeltest.Open(t, acme), channeltest.Open(t, bolt)
	payload, err := core.codec.encode(entries(t, "stray"), false, theirs.WireName(), ours.WireName())
	if err != nil {
		t.Fatal(err)
	}
	key, _ := core.queueKey(ours.WireName())
	for _, member := range []any{payload, "twelve bytes and no message"} {
		if err := core.clients[0].ZAdd(t.Context(), key, redis.Z{Score: 1, Member: member}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := ours.Next(t); got != "stray" {
		t.Errorf("got %q", got)
	}
	eventually(t, "both messages to arrive", func() bool { return acme.Stats().Received == 2 })
	eventually(t, "both messages to be counted", func() bool { s := acme.Stats(); return s.Foreign == 1 && s.Malformed == 1 })
	if s := bolt.Stats(); s.Received != 0 || theirs.Box.Len() != 0 {
		t.Errorf("the other tenant received the message: %+v", s)
	}
}

func TestW5AQueueFullOfOneTenantsMessagesDropsNothingOfAnothers(t *testing.T) {
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix(), Capacity: 5}
	core := open(t, kinds[0].make, config).(*Core)
	acme, bolt := channeltest.Scope(t, core, "acme"), channeltest.Scope(t, core, "bolt")
	m := channeltest.Open(t, bolt, "chat")
	// A member whose process never reads.
	if err := core.clients[0].ZAdd(t.Context(), core.groupKey("acme.chat"), redis.Z{Score: core.clock.next(), Member: "acme.dead!x"}).Err(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		channeltest.SendGroup(t, acme, "chat", "noise")
	}
	if got := acme.Stats().OverCapacity; got != 3 {
		t.Errorf("%d messages over capacity, expected 3", got)
	}
	if err := acme.Send(t.Context(), "dead!x", channeltest.Message(t, "noise")); !errors.Is(err, channel.ErrFull) {
		t.Errorf("got %v, expected %v", err, channel.ErrFull)
	}
	if got := acme.Stats().OverCapacity; got != 4 {
		t.Errorf("%d messages over capacity, expected 4: that to one channel is one", got)
	}
	for range 20 {
		channeltest.SendGroup(t, bolt, "chat", "received")
		if got := m.Next(t); got != "received" {
			t.Errorf("got %q", got)
		}
	}
	if got := bolt.Stats().OverCapacity; got != 0 {
		t.Errorf("%d messages of the other tenant were dropped", got)
	}
}

func TestW1NoChannelHasTheNameOfAGroup(t *testing.T) {
	config := Config{Hosts: []string{redistest.Start(t).URL()}}
	layer := open(t, kinds[1].make, config)
	ours := channeltest.Open(t, channeltest.Scope(t, layer, "acme"), "chat")
	// asgi__group__acme is a valid schema; its channel chat would be published
	// under the name of the group chat of acme.
	thief := channeltest.Scope(t, layer, "asgi__group__acme")
	if err := thief.Send(t.Context(), "chat", channeltest.Message(t, "stolen")); !errors.Is(err, channel.ErrName) {
		t.Errorf("got %v, expected %v", err, channel.ErrName)
	}
	channeltest.SendGroup(t, channeltest.Scope(t, layer, "acme"), "chat", "own")
	if got := ours.Next(t); got != "own" {
		t.Errorf("got %q", got)
	}
}

// Channels of Django processes belong to no tenant. A schema that imitates
// their names cannot reach them.
func TestW1NoTenantReachesADjangoProcess(t *testing.T) {
	const uuid = "e538cfeb0fbd40959123dc14a1aa287b"
	for i, schema := range []string{"specific", "asgispecific"} {
		layer := open(t, kinds[i].make, Config{Hosts: []string{redistest.Start(t).URL()}})
		s := channeltest.Scope(t, layer, schema)
		for _, name := range []string{uuid, uuid + "!af00e7db857246b0a427b220fd187c84", strings.ToUpper(uuid) + "!x"} {
			if err := s.Send(t.Context(), name, channeltest.Message(t, "stolen")); !errors.Is(err, channel.ErrName) {
				t.Errorf("%s sends to %s: got %v, expected %v", schema, name, err, channel.ErrName)
			}
		}
		m := channeltest.Open(t, s, "chat")
		if err := s.Send(t.Context(), m.Name(), channeltest.Message(t, "own")); err != nil {
			t.Error(err)
		}
		if got := m.Next(t); got != "own" {
			t.Errorf("got %q", got)
		}
	}
}

func TestAGroupCostsOneMembershipForEachProcess(t *testing.T) {
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()}
	core := open(t, kinds[0].make, config).(*Core)
	s := channeltest.Scope(t, core, "acme")
	key := core.groupKey("acme.chat")
	var members []channeltest.Member
	for range 50 {
		members = append(members, channeltest.Open(t, s, "chat"))
	}
	if n := core.clients[0].ZCard(t.Context(), key).Val(); n != 1 {
		t.Errorf("%d members in Redis, expected 1", n)
	}
	for _, m := range members {
		m.Close()
	}
	eventually(t, "the group to be removed", func() bool { return core.clients[0].Exists(t.Context(), key).Val() == 0 })
}

func TestAClosedLayerLeavesNoKeysAndGoroutines(t *testing.T) {
	server := redistest.StartOwn(t)
	before := runtime.NumGoroutine()
	for _, kind := range kinds {
		layer, err := kind.make(Config{Hosts: []string{server.URL()}})
		if err != nil {
			t.Fatal(err)
		}
		for _, schema := range []string{"acme", "bolt"} {
			channeltest.Open(t, channeltest.Scope(t, layer, schema), "chat", "room")
		}
		if err := layer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("keys remain in Redis: %q", keys)
	}
}

// The records of idle tenants are collected after their connections were
// closed.
func TestALayerReleasesIdleTenants(t *testing.T) {
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()}
	for _, kind := range kinds {
		layer := open(t, kind.make, config)
		w, _ := linksOf(layer)
		w.idleTime = time.Millisecond
		collected := make(chan string, 3)
		for _, schema := range []string{"acme", "bolt"} {
			s := channeltest.Scope(t, layer, schema)
			record := (*byte)(reflect.ValueOf(s).UnsafePointer())
			runtime.AddCleanup(record, func(schema string) { collected <- schema }, schema)
			m := channeltest.Open(t, s, "chat")
			channeltest.SendGroup(t, s, "chat", "hello")
			if got := m.Next(t); got != "hello" {
				t.Errorf("got %q", got)
			}
			m.Close()
		}
		eventually(t, kind.name+" to release its tenants", func() bool { runtime.GC(); return len(collected) == 2 })
		if s := layer.Stats(); s.Sent != 2 || s.Received != 2 || s.Delivered != 2 || s.Channels != 0 {
			t.Errorf("counted %+v", s)
		}
	}
}

func TestInvalidSettingsAreRejectedWithoutSecrets(t *testing.T) {
	good := []string{"redis://127.0.0.1:1"}
	for name, c := range map[string]Config{
		"no hosts":           {},
		"no URL":             {Hosts: []string{"http://user:hunter2@127.0.0.1:1"}},
		"half seconds":       {Hosts: good, Expiry: 1500 * time.Millisecond},
		"negative expiry":    {Hosts: good, GroupExpiry: -time.Second},
		"negative capacity":  {Hosts: good, Capacity: -1},
		"short prefix":       {Hosts: good, RandomPrefix: 2},
		"negative max bytes": {Hosts: good, Config: channel.Config{MaxMessage: -1}},
	} {
		for _, kind := range kinds {
			_, err := kind.make(c)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: got error %v", name, err)
			}
		}
	}
}
