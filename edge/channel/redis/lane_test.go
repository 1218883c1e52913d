//go:build unix

package redis

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// typeRecorder is a receiver that records the types of all messages.
type typeRecorder struct {
	mu    sync.Mutex
	types []string
}

func (l *typeRecorder) Receive(m *channel.Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.types = append(l.types, m.Type())
	return true
}
func (l *typeRecorder) Interrupted(error) {}

func (l *typeRecorder) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.types[:len(l.types):len(l.types)]
}

// storm publishes numbered messages of a kilobyte each to a group of a pub/sub
// layer, until stop returns true, and then tail more. It returns how many.
func storm(t *testing.T, client *redis.Client, p *PubSub, group string, tail int, stop func() bool) int {
	t.Helper()
	padding := channel.Field{Name: "text", Value: strings.Repeat("x", 1<<10)}
	sent := 0
	for rest := -1; rest != 0; {
		_, err := client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
			for range 50 {
				data, err := p.codec.encode(entries(t, fmt.Sprint("m", sent), padding), false)
				if err != nil {
					return err
				}
				pipe.Publish(t.Context(), p.groupPrefix()+group, data)
				sent++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case rest > 0:
			rest--
		case stop():
			rest = (tail + 49) / 50
		}
	}
	return sent
}

func (p *PubSub) moved(s channel.Scope) bool {
	p.links.mu.Lock()
	defer p.links.mu.Unlock()
	for l := range p.links.lines {
		if l.tenant.Schema() == s.Schema() {
			return l.current[0] != l.primary[0] && l.moving == nil
		}
	}
	return false
}

// A tenant with much traffic moves to another connection. The move loses and
// repeats no message and keeps the order, also while sockets open and close. A
// failure of that connection affects no other tenant.
func TestW5ABusyTenantMovesToItsOwnConnection_G6(t *testing.T) {
	server := redistest.StartOwn(t)
	layer := open(t, kinds[1].make, Config{Hosts: []string{server.URL()}}).(*PubSub)
	acme, bolt := channeltest.Scope(t, layer, "acme"), channeltest.Scope(t, layer, "bolt")
	logBuffer, notified, quiet := &typeRecorder{}, newRecorder(), newRecorder()
	join := func(s channel.Scope, r channel.Receiver, groups ...string) *channel.Channel {
		ch, err := s.Open(t.Context(), r)
		for _, g := range groups {
			if err == nil {
				err = s.Add(t.Context(), g, ch)
			}
		}
		if err != nil {
			t.Error(err)
		}
		return ch
	}
	join(acme, logBuffer, "chat")
	join(acme, notified)
	join(bolt, quiet, "chat", "room1", "room2", "room3", "room4", "room5")

	ctx, cancel := context.WithCancel(t.Context())
	var churn sync.WaitGroup
	churn.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			ch := join(acme, discardReceiver{}, fmt.Sprint("room", i%7), "chat")
			if ch == nil {
				return
			}
			ch.Close()
		}
	})
	sent := storm(t, redis.NewClient(layer.options[0]), layer, "acme.chat", 500, func() bool { return layer.moved(acme) })
	cancel()
	churn.Wait()
	eventually(t, "all messages", func() bool { return len(logBuffer.all()) >= sent })
	for i, got := range logBuffer.all() {
		if want := fmt.Sprint("m", i); got != want {
			t.Fatalf("message %d of %d is %q, expected %q", i, sent, got, want)
		}
	}
	if s := acme.Stats(); s.OverCapacity+s.Full+s.Foreign+s.Breaks != 0 {
		t.Errorf("lost: %+v", s)
	}

	control := dial(t, server)
	list, err := control.Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	if err != nil {
		t.Fatal(err)
	}
	// The marker, two channels and the group; the shared connection has more.
	lane := regexp.MustCompile(`(?m)^id=(\d+) .* sub=4 `).FindStringSubmatch(list)
	if lane == nil {
		t.Fatalf("expected a connection with only the tenant's subscriptions:\n%s", list)
	}
	do(t, control, []any{"CLIENT", "KILL", "ID", lane[1]})
	notified.awaitResume(t)
	channeltest.SendGroup(t, bolt, "chat", "still here")
	if got := await(t, quiet.messages, "a message"); got != "still here" || len(quiet.breaks) > 0 {
		t.Errorf("the other tenant received %q and %d notifications of breaks", got, len(quiet.breaks))
	}
}

// In whatever order the two connections are read during a move, each message is
// delivered once and in order.
func TestAMoveKeepsOrderHoweverConnectionsOverlap_G6(t *testing.T) {
	const mark = "mark"
	old, next := []string{"0", "1", mark, "2"}, []string{"0", "1", mark, "2", "3"}
	var overlap func(order []bool, i, j int)
	overlap = func(order []bool, i, j int) {
		switch {
		case i == len(old) && j == len(next):
			moveInOrder(t, order, old, next)
			return
		case i < len(old):
			overlap(append(order[:len(order):len(order)], true), i+1, j)
		}
		if j < len(next) {
			overlap(append(order[:len(order):len(order)], false), i, j+1)
		}
	}
	overlap(nil, 0, 0)
}

// fakeTenant is a tenant without channels.
type fakeTenant struct{ wire.Tenant }

func (fakeTenant) Counters() *wire.Counters { return &wire.Counters{} }

// moveInOrder moves a tenant while messages arrive: on the old connection where
// order is true, on the next one where it is false.
func moveInOrder(t *testing.T, order []bool, old, next []string) {
	t.Helper()
	layer := open(t, kinds[1].make, Config{Hosts: []string{"redis://127.0.0.1:1"}}).(*PubSub)
	l := layer.newLine(fakeTenant{}).(*pubSubLine).line
	from, to := l.primary[0], layer.links.newLink(0, false)
	from.synced, to.synced, l.users, from.tenants = true, true, 1, 1
	const name = "asgi__group__acme.chat"
	from.topics[name] = &topic{Topic: wire.Topic{Group: "acme.chat"}, name: name, line: l, uses: 1, confirmed: true, sent: true}
	got := make(chan string, len(old)+len(next))
	l.inbox.deliver = func(a published) { got <- a.data }
	m, _ := l.beginMove(from, to)
	to.confirm(to.next())
	for _, first := range order {
		k, publisheds := to, &next
		if first {
			k, publisheds = from, &old
		}
		text := (*publisheds)[0]
		*publisheds = (*publisheds)[1:]
		if text == "mark" {
			layer.dispatch(k, &redis.Message{Channel: layer.marker, Payload: m.name})
		} else {
			layer.dispatch(k, &redis.Message{Channel: name, Payload: text})
		}
	}
	for i := range 4 {
		if text := await(t, got, "a message"); text != fmt.Sprint(i) {
			t.Fatalf("order %v: message %d is %q", order, i, text)
		}
	}
	if l.moving != nil || len(l.moves) > 0 || len(got) > 0 {
		t.Errorf("order %v: the move has not ended, or %d messages were delivered twice", order, len(got))
	}
}
