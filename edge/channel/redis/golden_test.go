//go:build unix

package redis

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// Channels of the captures: two of one process, one of another.
const (
	a1 = "specific.e538cfeb0fbd40959123dc14a1aa287b!af00e7db857246b0a427b220fd187c84"
	a2 = "specific.e538cfeb0fbd40959123dc14a1aa287b!d606780fba88417aacaf6d0af525f671"
	b1 = "specific.2dde11f15253432f941d5af36cfe8b7e!516a258439ca4120939717475a99f72c"
)

// golden is an exchange of channels_redis 4.0.0 and 4.3.0, as captured with
// MONITOR.
type golden struct {
	Name     string
	Random   string // the random bytes of the payloads
	Message  string
	Payloads []string
	Lengths  []int
	Commands [][]string
}

// captures returns the exchanges of a file by name.
func captures[T any](t *testing.T, file string) map[string]T {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	hexed := strings.NewReplacer("<a1>", hex.EncodeToString([]byte(a1)), "<a2>", hex.EncodeToString([]byte(a2)), "<b1>", hex.EncodeToString([]byte(b1)))
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(hexed.Replace(string(data))), &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string]T{}
	for _, r := range raw {
		var name struct{ Name string }
		var one T
		if err := errors.Join(json.Unmarshal(r, &name), json.Unmarshal(r, &one)); err != nil {
			t.Fatal(err)
		}
		all[name.Name] = one
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t *testing.T, s string) *message.Entries {
	t.Helper()
	m, err := message.Parse(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// commandLog records the commands of a client.
type commandLog struct {
	mu       sync.Mutex
	commands [][]string
}

func (l *commandLog) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *commandLog) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		l.add(cmd)
		return next(ctx, cmd)
	}
}

func (l *commandLog) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		l.add(cmds...)
		return next(ctx, cmds)
	}
}

func (l *commandLog) add(cmds ...redis.Cmder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range cmds {
		var words []string
		for _, arg := range cmd.Args() {
			if b, ok := arg.([]byte); ok {
				arg = hex.EncodeToString(b)
			}
			words = append(words, fmt.Sprint(arg))
		}
		words[0] = strings.ToUpper(words[0])
		if words[0] != "HELLO" && words[0] != "CLIENT" && words[0] != "SELECT" {
			l.commands = append(l.commands, words)
		}
	}
}

// recordedCore returns a core layer with a recording client and the time of the
// captures.
func recordedCore(t *testing.T, c Config, now float64) (*Core, *commandLog) {
	t.Helper()
	own := redistest.StartOwn(t)
	c.Hosts = []string{own.URL()}
	core := open(t, func(c Config) (channel.Layer, error) { return NewCore(c) }, c).(*Core)
	at := time.Unix(int64(now), 0).Add(time.Duration((now - float64(int64(now))) * 1e9))
	core.clock.now = func() time.Time { return at }
	// The next score is the smallest float64 above the last one.
	core.clock.last = previous(now)
	core.codec.now = core.clock.now
	recorder := &commandLog{}
	core.clients[0].AddHook(recorder)
	return core, recorder
}

// compare compares commands with a capture. Its payloads replace <payload> in
// order.
func compare(t *testing.T, got [][]string, want golden) {
	t.Helper()
	payloads := want.Payloads
	for i := range want.Commands {
		for j, word := range want.Commands[i] {
			switch {
			case word == "<payload>" && len(payloads) > 0:
				want.Commands[i][j], payloads = payloads[0], payloads[1:]
			case i < len(got) && j < len(got[i]) && (word == "<payload>" || word == "<lua>"):
				want.Commands[i][j] = got[i][j]
			}
		}
	}
	if !reflect.DeepEqual(got, want.Commands) {
		t.Errorf("%s:\ngot  %q\nwant %q", want.Name, got, want.Commands)
	}
	for i, payload := range want.Payloads {
		if len(payload)/2 != want.Lengths[i] {
			t.Errorf("%s: payload %d has %d bytes, the capture had %d", want.Name, i, len(payload)/2, want.Lengths[i])
		}
	}
}

func TestCoreWritesWhatChannelsRedisWrites(t *testing.T) {
	all := captures[golden](t, "core.json")

	t.Run("join", func(t *testing.T) {
		core, got := recordedCore(t, Config{}, 1795380268.0105891)
		batch := []*topic{{Topic: wire.Topic{Group: "chat", Channel: a1}, name: core.groupKey("chat"), wanted: true}}
		if err := core.join(t.Context(), core.clients[0], batch); err != nil {
			t.Fatal(err)
		}
		compare(t, got.commands, all["join"])
	})
	t.Run("group send", func(t *testing.T) { groupSendAs(t, all["group send"], 1795380268.0145254) })
	t.Run("group send of mixed types", func(t *testing.T) {
		want := all["group send of mixed types"]
		want.Commands = captures[golden](t, "core.json")["group send"].Commands
		groupSendAs(t, want, 1795380268.0145254)
	})
	for name, to := range map[string]string{"send to a channel of a process": a1, "send to a general channel": "thumbnails"} {
		t.Run(name, func(t *testing.T) {
			core, got := recordedCore(t, Config{}, 1795380268.222965)
			core.codec.random = bytes.NewReader(unhex(t, all[name].Random))
			if err := core.send(t.Context(), &wire.Counters{}, to, parse(t, all[name].Message)); err != nil {
				t.Fatal(err)
			}
			compare(t, got.commands, all[name])
		})
	}
	t.Run("send to a full channel", func(t *testing.T) {
		core, got := recordedCore(t, Config{Capacity: 2}, 1795380268.222965)
		var err error
		for range 3 {
			got.commands = nil
			err = core.send(t.Context(), &wire.Counters{}, "thumbnails", parse(t, all["send to a full channel"].Message))
		}
		if !errors.Is(err, channel.ErrFull) {
			t.Errorf("got %v, expected %v", err, channel.ErrFull)
		}
		compare(t, got.commands, all["send to a full channel"])
	})
	t.Run("group send with another prefix and expiries", func(t *testing.T) {
		core, got := recordedCore(t, Config{Prefix: "p", Expiry: 5 * time.Second, GroupExpiry: 30 * time.Second}, 1795380268.228785)
		batch := []*topic{{Topic: wire.Topic{Group: "g", Channel: "specific.4760!x"}, name: core.groupKey("g"), wanted: true}}
		if err := core.join(t.Context(), core.clients[0], batch); err != nil {
			t.Fatal(err)
		}
		core.clock.last = previous(1795380268.228785)
		if err := core.groupSend(t.Context(), &wire.Counters{}, "g", parse(t, all["group send with another prefix and expiries"].Message)); err != nil {
			t.Fatal(err)
		}
		compare(t, got.commands, all["group send with another prefix and expiries"])
		for key, want := range map[string]time.Duration{"p:group:g": 30 * time.Second, "pspecific.4760!": 5 * time.Second} {
			if ttl := core.clients[0].TTL(t.Context(), key).Val(); ttl <= 0 || ttl > want {
				t.Errorf("%s expires in %v, expected at most %v", key, ttl, want)
			}
		}
	})
}

func groupSendAs(t *testing.T, want golden, now float64) {
	t.Helper()
	core, got := recordedCore(t, Config{}, now)
	for i, member := range []string{a1, a2, b1} {
		if err := core.clients[0].ZAdd(t.Context(), "asgi:group:chat", redis.Z{Score: now + float64(i) - 10, Member: member}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	got.commands = nil
	core.codec.random = bytes.NewReader(unhex(t, want.Random))
	if err := core.groupSend(t.Context(), &wire.Counters{}, "chat", parse(t, want.Message)); err != nil {
		t.Fatal(err)
	}
	compare(t, got.commands, want)
	// A receiver of channels_redis reads the payloads of the capture.
	for i, key := range []string{"asgi" + a1[:strings.Index(a1, "!")+1], "asgi" + b1[:strings.Index(b1, "!")+1]} {
		stored, err := core.clients[0].BZPopMin(t.Context(), time.Second, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString([]byte(stored.Member.(string))); got != want.Payloads[i] || stored.Score != now {
			t.Errorf("%s: score %v, payload %s\nwant %v, %s", key, stored.Score, got, now, want.Payloads[i])
		}
	}
}

// TestCoreReadsWhatChannelsRedisWrote decodes the payloads of the captures,
// with their addresses.
func TestCoreReadsWhatChannelsRedisWrote(t *testing.T) {
	for name, g := range captures[golden](t, "core.json") {
		for i, payload := range g.Payloads {
			codec := codec{prefix: 12}
			m, to, err := codec.decode(unhex(t, payload))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := hex.EncodeToString(m.AppendMsgPack(nil)); got != g.Message {
				t.Errorf("%s: got %s, want %s", name, got, g.Message)
			}
			want := map[string][][]string{"group send": {{a1, a2}, {b1}}, "group send of mixed types": {{a1, a2}, {b1}}, "send to a channel of a process": {{a1}}, "send to a general channel": {nil}}[name][i]
			if !reflect.DeepEqual(to, want) {
				t.Errorf("%s: for %q, want %q", name, to, want)
			}
		}
	}
}

func TestPubSubWritesWhatChannelsRedisWrites(t *testing.T) {
	server := redistest.StartOwn(t)
	layer := open(t, kinds[1].make, Config{Hosts: []string{server.URL()}}).(*PubSub)
	recorder := &commandLog{}
	layer.clients[0].AddHook(recorder)
	for name, c := range captures[struct {
		Group, Channel, Message, Published string
		Length                             int
	}](t, "pubsub.json") {
		recorder.commands = nil
		to := c.Channel
		if c.Group != "" {
			to = layer.groupPrefix() + c.Group
		}
		if err := layer.publish(t.Context(), to, parse(t, c.Message)); err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"PUBLISH", c.Published, c.Message}}
		if !reflect.DeepEqual(recorder.commands, want) || len(c.Message)/2 != c.Length {
			t.Errorf("%s: got %q, want %q", name, recorder.commands, want)
		}
	}
}

func TestValuesAreWrittenAsMsgpackPythonWritesThem(t *testing.T) {
	m := channeltest.Message(t, "t",
		channel.Field{Name: "none", Value: nil}, channel.Field{Name: "t", Value: true}, channel.Field{Name: "i", Value: 1},
		channel.Field{Name: "neg", Value: -1}, channel.Field{Name: "big", Value: int64(1 << 40)}, channel.Field{Name: "f", Value: 1.5},
		channel.Field{Name: "b", Value: []byte{0, 255}}, channel.Field{Name: "u", Value: "hé😀"},
		channel.Field{Name: "l", Value: []any{1, "x"}}, channel.Field{Name: "m", Value: map[string]any{"k": "v"}})
	if got, want := hex.EncodeToString(m.AppendMsgPack(nil)), captures[golden](t, "core.json")["group send of mixed types"].Message; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNamesBelongToHostsAsInChannelsRedis(t *testing.T) {
	for name, want := range map[string]int{"chat": 682, "room": 411, "specific.e538cfeb0fbd40959123dc14a1aa287b!": 107} {
		if got := shard(name, 4096); got != want {
			t.Errorf("%s has hash %d, want %d", name, got, want)
		}
		if got := shard(name, 2); got != 0 {
			t.Errorf("%s belongs to host %d of two, want the first", name, got)
		}
		if got := shard(name, 1); got != 0 {
			t.Errorf("%s belongs to host %d of one", name, got)
		}
	}
	if got := shard("chat", 7); got != 1 {
		t.Errorf("chat belongs to host %d of seven", got)
	}
}

func previous(f float64) float64 { return math.Nextafter(f, 0) }
