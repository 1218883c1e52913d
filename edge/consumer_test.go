package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

func scripted(t testing.TB) *consumerWorld {
	return newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
		c.Limits.Deadline = time.Minute // so that no event fails on a busy machine
	})
}

func TestTheGuestSeesTheHandshake(t *testing.T) {
	w := scripted(t)
	v, _ := w.connect(t, "acme", "/script?describe=1", "Sec-WebSocket-Protocol: a, b", "Cookie: c=1")
	v.receives(t, `route=script schema=acme id=7 identifier=id-acme path=/script protocols=["a" "b"] cookie="c=1"`)
	if v.protocol != "" {
		t.Errorf("the subprotocol is %q, expected none", v.protocol)
	}
}

func TestTheGuestAnswersTheHandshake(t *testing.T) {
	w := scripted(t)
	for _, c := range []struct {
		name, target string
		status       int
		protocol     string
	}{
		{"it accepts", "/script", 101, ""},
		{"it chooses a subprotocol", "/script?protocol=b", 101, "b"},
		{"it chooses a subprotocol that was not offered", "/script?protocol=c", 502, ""},
		{"it rejects", "/script?reject=403", 403, ""},
		{"it rejects with a status that is not an error", "/script?reject=200", 502, ""},
		{"it does not know the route", "/elsewhere", 404, ""},
		{"it traps", "/script?script=trap", 502, ""},
		{"it loops", "/script?script=loop", 502, ""},
		{"it closes a websocket that is not open", "/script?script=close+1000", 502, ""},
		{"it sends an invalid group name", "/script?script=add+a!b", 502, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, status := w.connect(t, "acme", c.target, "Sec-WebSocket-Protocol: a, b")
			if status != c.status {
				t.Fatalf("the status is %d, expected %d", status, c.status)
			}
			if v != nil && v.protocol != c.protocol {
				t.Errorf("the subprotocol is %q, expected %q", v.protocol, c.protocol)
			}
		})
	}
}

func TestAGuestWithoutConsumersRejectsAllWebsockets(t *testing.T) {
	w := newConsumerWorld(t, assets.Router, nil)
	if _, status := w.connect(t, "acme", "/script"); status != http.StatusServiceUnavailable {
		t.Errorf("the status is %d, expected 503", status)
	}
}

func TestMessagesAreAnsweredInOrder(t *testing.T) {
	w := scripted(t)
	v := w.visit(t, "acme", "say hello")
	v.receives(t, "hello")
	for i := range 100 {
		v.sends(t, fmt.Sprint("say ", i), "say and again")
	}
	for i := range 100 {
		v.receives(t, fmt.Sprint(i), "and again")
	}
	if _, err := v.Write(clientFrame(sockets.Binary, []byte{1, 2})); err != nil {
		t.Fatal(err)
	}
	if op, payload, err := v.read(); err != nil || op != byte(sockets.Binary) || string(payload) != "\x01\x02\xff" {
		t.Errorf("received %x (opcode %d, %v)", payload, op, err)
	}
}

func TestTheHostKeepsTheStateAndTheGuestKeepsNothing(t *testing.T) {
	w := scripted(t)
	v, other := w.visit(t, "acme"), w.visit(t, "acme")
	for i := range 10 {
		v.sends(t, "count")
		v.receives(t, fmt.Sprint(i+1, " 1"))
	}
	other.sends(t, "say state {}")
	other.receives(t, "state ")
	v.sends(t, "bytes 4096", "say kept")
	v.receives(t, "kept")
	v.sends(t, "bytes 4097", "say not kept")
	v.isClosed(t, sockets.CodeInternal, "")
}

func TestAnEventThatFailsHasNoEffect(t *testing.T) {
	w := scripted(t)
	witness := w.visit(t, "acme", "add watch")
	failures := uint64(0)
	for _, c := range []struct{ name, last string }{
		{"a trap", "trap"},
		{"a loop", "loop"},
		{"a state that is too large", "bytes 5000"},
		{"too many effects", "many 65"},
		{"text that is not UTF-8", "broken"},
		{"an invalid group name", "add a b"},
		{"another tenant's group, by its wire name", "group ../other.watch x"},
		{"an invalid channel name", "send a!b!c x"},
		{"an effect after the close", "close 1000 bye\nsay more"},
		{"a code that cannot be sent", "close 1005"},
		{"a reason that is too long", "close 1000 " + strings.Repeat("x", 124)},
	} {
		t.Run(c.name, func(t *testing.T) {
			logged := strings.Count(w.log.String(), "a websocket event failed")
			v := w.visit(t, "acme", "state before", "say ready")
			v.receives(t, "ready")
			v.sends(t, "say something", "state after", "group watch something", "broadcast watch something", c.last)
			v.isClosed(t, sockets.CodeInternal, "")
			witness.sends(t, "say nothing came")
			witness.receives(t, "nothing came")
			if n := strings.Count(w.log.String(), "a websocket event failed") - logged; n != 1 {
				t.Errorf("the failure is logged %d times, expected once: %q", n, w.log)
			}
			failures++
			if s := w.host.consumers.Stats(); s.Failures != failures {
				t.Errorf("%d failures are counted, expected %d", s.Failures, failures)
			}
		})
	}
}

func TestTheGuestClosesWithItsCodeAndReason(t *testing.T) {
	w := scripted(t)
	v := w.visit(t, "acme")
	v.sends(t, "say bye", "close 4000 enough")
	v.receives(t, "bye")
	v.isClosed(t, 4000, "enough")
}

func TestW1GroupsBelongToOneTenant(t *testing.T) {
	w := scripted(t)
	a, b, other := w.visit(t, "a", "add chat"), w.visit(t, "a", "add chat"), w.visit(t, "b", "add chat", "add a.chat")
	a.sends(t, "group chat hello")
	a.receives(t, "group chat.message hello")
	b.receives(t, "group chat.message hello")
	a.sends(t, "group a.chat mine", "group b.chat yours", "say done")
	a.receives(t, "done")
	other.sends(t, "group chat only for b")
	other.receives(t, "group chat.message only for b")
	b.sends(t, "discard chat", "say left")
	b.receives(t, "left")
	a.sends(t, "group chat again")
	a.receives(t, "group chat.message again")
	b.sends(t, "say received nothing")
	b.receives(t, "received nothing")
}

func TestAWebsocketIsReachedByItsChannel(t *testing.T) {
	w := scripted(t)
	a, b := w.visit(t, "acme", "channel"), w.visit(t, "acme")
	a.sends(t, "whoami")
	_, name, err := a.read()
	if err != nil || len(name) == 0 {
		t.Fatalf("the channel is %q, %v", name, err)
	}
	b.sends(t, "whoami", "send "+string(name)+" hi")
	b.receives(t, "")
	a.receives(t, "group direct hi")
	other := w.visit(t, "other")
	other.sends(t, "send "+string(name)+" hi", "say sent")
	other.receives(t, "sent")
	a.sends(t, "say nothing from others")
	a.receives(t, "nothing from others")
}

func TestABroadcastReachesClientsWithoutTheGuest(t *testing.T) {
	w := scripted(t)
	var all []*visitor
	for range 20 {
		all = append(all, w.visit(t, "acme", "add all"))
	}
	calls := w.host.Stats().Current.Calls
	all[0].sends(t, "broadcast all hello", "say done")
	all[0].receives(t, "done") // its own copy comes after what the sending event says
	for _, v := range all {
		v.receives(t, "hello")
	}
	if n := w.host.Stats().Current.Calls - calls; n > 1 {
		t.Errorf("the guest was called %d times, expected once", n)
	}
	all[1].sends(t, "kick all")
	for _, v := range all {
		v.isClosed(t, 4001, "")
	}
}

func TestAProcessReachesTheWebsocketsOfAGroup(t *testing.T) {
	w := scripted(t)
	v := w.visit(t, "acme", "add chat")
	scope, err := w.layer.For("acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, name string
		value      any
		op         sockets.Op
		want       string
	}{
		{"chat.message", "text", "from Django", sockets.Text, "group chat.message from Django"},
		{"websocket.send", "text", "as it is", sockets.Text, "as it is"},
		{"websocket.send", "bytes", []byte{0, 0xff}, sockets.Binary, "\x00\xff"},
	} {
		m, err := channel.NewMessage(c.kind, channel.Field{Name: c.name, Value: c.value})
		if err == nil {
			err = scope.GroupSend(context.Background(), "chat", m)
		}
		if err != nil {
			t.Fatal(err)
		}
		if op, payload, err := v.read(); err != nil || op != byte(c.op) || string(payload) != c.want {
			t.Errorf("received %q (opcode %d, %v), expected %q", payload, op, err, c.want)
		}
	}
	box := channeltest.NewMailbox(channeltest.MailboxConfig{})
	ch, err := scope.Open(context.Background(), box)
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	v.sends(t, "send "+ch.Name()+" hello Django")
	m, err := box.Next(t.Context())
	if err != nil || m.Type() != "direct" || m.Map()["text"] != "hello Django" {
		t.Errorf("the process received %v, %v", m, err)
	}
}

func TestATimerFiresOnceAndCanBeCanceled(t *testing.T) {
	w := scripted(t)
	v := w.visit(t, "acme", "timer 1", "state x")
	v.receives(t, "timer x")
	v.sends(t, "timer 3600000", "state y")
	v.sends(t, "timer 1")
	v.receives(t, "timer y")
	v.sends(t, "timer 3600000", "timer 0", "say no timer")
	v.receives(t, "no timer")
}

func TestTheCloseEventReachesTheOthers(t *testing.T) {
	w := scripted(t)
	friend := w.visit(t, "acme", "add friends")
	v := w.visit(t, "acme", "state at close notify friends")
	if _, err := v.Write(clientFrame(8, []byte{0x03, 0xe8, 'b', 'y', 'e'})); err != nil {
		t.Fatal(err)
	}
	friend.receives(t, "group left 1000 bye")
	v = w.visit(t, "acme", "state at close notify friends")
	v.Close()
	friend.receives(t, "group left 1006 ")
	v = w.visit(t, "acme", "state at close notify friends")
	v.sends(t, "trap")
	v.isClosed(t, sockets.CodeInternal, "")
	friend.receives(t, "group left 1011 ")
}

func TestASwapDropsNoWebsocket(t *testing.T) {
	echo := wasmtest.Guest(t, "guest/examples/echo") // first, since building it takes longer than a client may be silent
	w := scripted(t)
	v := w.visit(t, "acme", "add chat")
	v.sends(t, "count")
	v.receives(t, "1 1")
	swap := func(guest []byte) {
		t.Helper()
		if _, err := w.host.Swap(t.Context(), guest); err != nil {
			t.Fatal(err)
		}
	}
	swap(echo)
	v.sends(t, "count")
	v.receives(t, "count")
	if _, err := w.host.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.sends(t, "count", "group chat still in the group")
	v.receives(t, "2 1", "group chat.message still in the group")
	swap(assets.Router)
	v.sends(t, "say anyone?")
	v.isClosed(t, sockets.CodeRestart, "")
	if s := w.host.consumers.Stats(); s.Restarted != 1 || !strings.Contains(w.log.String(), "no longer handles websockets") {
		t.Errorf("counted %+v, logged %s", s, w.log)
	}
}

func TestAConsumerQueriesOnlyItsOwnTenant(t *testing.T) {
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) { c.Queries = echoQueries{} })
	v := w.visit(t, "t1")
	v.sends(t, "query t1", "query t2")
	v.receives(t, `["t1"] <nil>`, " tenantedge: not allowed")
}

// Without a tenant's schema, queries run only if the Querier is a PublicQuerier.
// Otherwise the log says why they do not.
func TestAQueryWithoutASchemaNeedsAQuerierForIt_D8(t *testing.T) {
	guest := wasmtest.Guest(t, "edge/testdata/consumer")
	for _, c := range []struct {
		queries   Querier
		want, log string
	}{
		{echoQueries{}, " tenantedge: not allowed", "statements cannot run in schema public only"},
		{publicQueries{}, `["public"] <nil>`, ""},
		{nil, " tenantedge: unavailable", "expected queries in the configuration"},
	} {
		w := newConsumerWorld(t, guest, func(f *Config) { f.Queries = c.queries })
		v := w.visit(t, "t1")
		v.sends(t, "query ")
		v.receives(t, c.want)
		if !strings.Contains(w.log.String(), c.log) {
			t.Errorf("logged %s, want %q", w.log, c.log)
		}
	}
}

func TestEventsWaitForAnInstance(t *testing.T) {
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
		c.Limits.Instances = 1
		c.Limits.QueueTimeout = 1 // 1 ns: waiting for an instance times out again and again
	})
	var all []*visitor
	for range 10 {
		v, status := w.connect(t, "acme", "/script")
		for v == nil && status == http.StatusServiceUnavailable {
			v, status = w.connect(t, "acme", "/script")
		}
		all = append(all, v)
	}
	for range 10 {
		for _, v := range all {
			v.sends(t, "count")
		}
	}
	for i := range 10 {
		for _, v := range all {
			v.receives(t, fmt.Sprint(i+1, " 1"))
		}
	}
}

// echoQueries answers each statement with the schema.
type echoQueries struct{}

func (echoQueries) Query(_ context.Context, schema, _ string, _ json.RawMessage) (json.RawMessage, error) {
	return json.Marshal([]string{schema})
}

// publicQueries also answers statements without a schema.
type publicQueries struct{ echoQueries }

func (publicQueries) QueryPublic(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`["public"]`), nil
}

func TestWebsocketsOpenAndCloseInAnyOrder(t *testing.T) {
	w := scripted(t)
	scripts := []string{
		"say hello", "count", "group all hi", "broadcast all hi", "timer 1", "timer 0", "channel", "discard all", "add all",
		"state at close notify all", "script all count", "close 1000 bye", "trap", "add b\nadd c\ndiscard b", "kick all",
	}
	var all sync.WaitGroup
	for n := range 8 {
		schema := []string{"a", "b"}[n%2]
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 7))
			for range 12 {
				v := w.visit(t, schema, "add all")
				for range random.IntN(12) {
					// The server may have closed the websocket.
					_, _ = v.Write(clientFrame(sockets.Text, []byte(scripts[random.IntN(len(scripts))])))
				}
				if random.IntN(2) == 0 {
					_, _ = v.Write(clientFrame(8, []byte{0x03, 0xe8}))
					_, _ = io.Copy(io.Discard, v.in)
				}
				v.Close()
			}
		})
	}
	all.Wait()
}

func TestAnIdleWebsocketIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(websocket.Conn{}); n > 48 {
		t.Errorf("a handler's websocket has %d bytes, expected at most 48", n)
	}
	if n := unsafe.Sizeof(channel.Channel{}); n > 64 {
		t.Errorf("a channel has %d bytes, expected at most 64", n)
	}
}
