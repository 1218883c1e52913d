package edge

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// watchedLayer is a layer in memory that calls sent when all members have a group
// message, while the sender's event still runs.
type watchedLayer struct {
	channel.Layer
	sent func(receiver channel.Receiver)

	mu       sync.Mutex
	receiver channel.Receiver // of the channel that was opened last
}

func (l *watchedLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &watchedScope{s, l}, err
}

type watchedScope struct {
	channel.Scope
	layer *watchedLayer
}

func (s *watchedScope) Open(ctx context.Context, r channel.Receiver) (*channel.Channel, error) {
	s.layer.mu.Lock()
	s.layer.receiver = r
	s.layer.mu.Unlock()
	return s.Scope.Open(ctx, r)
}

func (s *watchedScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	err := s.Scope.GroupSend(ctx, group, m)
	s.layer.mu.Lock()
	defer s.layer.mu.Unlock()
	s.layer.sent(s.layer.receiver)
	return err
}

func TestASenderDoesNotGetItsBroadcastLaterThanTheOthers(t *testing.T) {
	w := scripted(t)
	waiting := make(chan int, 1)
	w.layer = &watchedLayer{Layer: w.layer, sent: func(r channel.Receiver) {
		waiting <- r.(*consumer.Consumer).Waiting()
	}}
	v := w.visit(t, "acme", "add all")
	for _, c := range []struct {
		script   []string
		want     int
		receives []string
	}{
		{[]string{"broadcast all a"}, 0, []string{"a"}},
		{[]string{"say a", "broadcast all b"}, 0, []string{"a", "b"}},
		{[]string{"broadcast all b", "say a"}, 1, []string{"a", "b"}},
		{[]string{"group all a"}, 1, []string{"group chat.message a"}},
	} {
		v.sends(t, c.script...)
		if got := <-waiting; got != c.want {
			t.Errorf("%q: %d messages wait for the sender when the others have received the message, expected %d", c.script, got, c.want)
		}
		v.receives(t, c.receives...)
	}
}

func TestWhatAnEventSendsComesBackInItsOrder(t *testing.T) {
	w := scripted(t)
	v := w.visit(t, "acme", "add all")
	v.sends(t, "broadcast all a", "broadcast all b")
	v.receives(t, "a", "b")
	v.sends(t, "group all a", "broadcast all b")
	v.receives(t, "group chat.message a", "b")
	v.sends(t, "script all say a", "broadcast all b", "say now")
	v.receives(t, "now", "a", "b")
}

func TestMembersReceiveEachSenderInItsOrder(t *testing.T) {
	// All messages together fit the queue of one member: a slow one would miss
	// messages otherwise.
	const maxWaiting = 100 // of package consumer
	const members, each = 6, maxWaiting / 6
	w := scripted(t)
	var all []*visitor
	for n := range members {
		v := w.visit(t, "acme", "add all", fmt.Sprintf("say %d", n))
		v.receives(t, fmt.Sprint(n))
		all = append(all, v)
	}
	var done sync.WaitGroup
	for n, v := range all {
		done.Go(func() {
			// Group messages for clients and for the guest alternate. A sender sends
			// the next one when it has received its own.
			send := func(i int) {
				command := []string{"broadcast", "group"}[i%2]
				_, _ = v.Write(clientFrame(sockets.Text, fmt.Appendf(nil, "%s all %d %d", command, n, i)))
			}
			send(0)
			var next [members]int
			for range members * each {
				_, text, err := v.read()
				var from, i int
				if _, scan := fmt.Sscan(strings.TrimPrefix(string(text), "group chat.message "), &from, &i); err != nil || scan != nil || next[from] != i {
					t.Errorf("member %d received %q (%v), expected message %d of that sender", n, text, err, next[from])
					return
				}
				if next[from]++; from == n && i+1 < each {
					send(i + 1)
				}
			}
		})
	}
	done.Wait()
}
