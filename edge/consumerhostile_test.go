package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// When a guest fails in an event, only the websocket of that event is closed, with
// 1011, and counted once.
func TestG1AGuestThatFailsInAnEventEndsOnlyThatWebsocket(t *testing.T) {
	w := scripted(t)
	neighbour, stranger := w.visit(t, "acme", "add chat"), w.visit(t, "other", "add chat")
	failures := uint64(0)
	for _, c := range []struct {
		event  string
		script []string // of the websocket in which the guest fails
		then   []string // of another websocket, for a group's message
	}{
		{"a message", nil, nil},
		{"a group's message", []string{"add victims"}, []string{"script victims %s"}},
		{"a timer", []string{"state at the timer %s", "timer 1"}, nil},
		{"the close", []string{"add watchers", "state at the end %s"}, nil},
	} {
		for _, failure := range []string{"trap", "loop", "bytes 5000", "many 65"} {
			t.Run(c.event+", "+failure, func(t *testing.T) {
				say := func(lines []string) []string {
					return strings.Split(strings.ReplaceAll(strings.Join(lines, "\n"), "%s", failure), "\n")
				}
				v := w.visit(t, "acme", say(c.script)...)
				switch c.event {
				case "a message":
					v.sends(t, failure)
				case "a group's message":
					neighbour.sends(t, say(c.then)...)
				case "the close":
					v.sends(t, "close 4000 bye")
					v.isClosed(t, 4000, "bye")
				}
				if c.event != "the close" {
					v.isClosed(t, sockets.CodeInternal, "")
				}
				for _, other := range []*visitor{neighbour, stranger} {
					other.sends(t, "group chat still here")
					other.receives(t, "group chat.message still here")
				}
				w.eventually(t, "the end of the websocket", func() bool { return w.host.consumers.Stats().Open == 2 })
				if failures++; w.host.consumers.Stats().Failures != failures {
					t.Errorf("%d failures are counted, expected %d", w.host.consumers.Stats().Failures, failures)
				}
				if s := w.layer.Stats(); s.Channels != 2 || s.Memberships != 2 {
					t.Errorf("the layer has %d channels and %d memberships, expected the ones of two websockets", s.Channels, s.Memberships)
				}
			})
		}
	}
}

// Where websockets answer each group message with two, the bound of waiting messages
// for a websocket applies; messages beyond it are dropped and counted. All messages
// of other tenants arrive, those of clients and those of groups.
func TestW5AStormOfGroupMessagesAffectsOnlyItsTenant(t *testing.T) {
	w := scripted(t)
	calm, listener := w.visit(t, "other", "add chat"), w.visit(t, "other", "add chat")
	var storm []*visitor
	for range 5 {
		v, status := w.connect(t, "acme", "/storm")
		if v == nil {
			t.Fatalf("the handshake got status %d", status)
		}
		storm = append(storm, v)
	}
	storm[0].sends(t, "begin")
	storm[0].receives(t, "begin")
	acme, other := w.scope(t, "acme"), w.scope(t, "other")
	w.eventually(t, "more messages than may be queued", func() bool { return acme.Stats().Full > 1000 })
	for i := range 50 {
		calm.sends(t, fmt.Sprint("say ", i), fmt.Sprint("group chat ", i))
		calm.receives(t, fmt.Sprint(i), fmt.Sprint("group chat.message ", i))
		listener.receives(t, fmt.Sprint("group chat.message ", i))
	}
	// The tenant's own clients are still answered, in order, and its websockets close.
	for i := range 50 {
		storm[1].sends(t, fmt.Sprint("still here ", i))
	}
	for i := range 50 {
		storm[1].receives(t, fmt.Sprint("still here ", i))
	}
	if s := other.Stats(); s.Full != 0 {
		t.Errorf("the other tenant lost %d messages", s.Full)
	}
	for _, v := range storm {
		_ = v.Close()
	}
	w.eventually(t, "the websockets to close and their events to end", func() bool { return acme.Stats().Channels == 0 && !w.host.consumers.Stats().Ready })
}

func (w *consumerWorld) scope(t *testing.T, schema string) channel.Scope {
	t.Helper()
	s, err := w.layer.For(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *consumerWorld) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v for %s; now %+v, the layer %+v", patience, what, w.host.consumers.Stats(), w.layer.Stats())
		}
	}
}
