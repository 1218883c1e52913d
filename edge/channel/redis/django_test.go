//go:build unix

package redis

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// python is the system's Python, for which Debian packages Django Channels.
const python = "/usr/bin/python3"

// peer is a Python process with a channel layer of channels_redis.
type peer struct {
	t       *testing.T
	channel string
	in      *json.Encoder
	done    chan reply
	got     chan reply
}

// reply is one line of a peer.
type reply struct {
	Channel, Done, Failed, Got string
	Text                       string
	Binary                     []int
}

func newPeer(t *testing.T, kind string, c Config) *peer {
	t.Helper()
	settings := map[string]any{"layer": kind, "hosts": c.Hosts, "prefix": c.Prefix}
	if len(c.Keys) > 0 {
		settings["symmetric_encryption_keys"] = c.Keys
	}
	cmd := exec.Command(python, "testdata/peer.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, in: json.NewEncoder(in), done: make(chan reply, 100), got: make(chan reply, 1000)}
	channels, ended := make(chan string, 1), make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		_ = cmd.Wait()
	})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var s reply
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Errorf("the Python process wrote %q", lines.Text())
			}
			switch {
			case s.Channel != "":
				channels <- s.Channel
			case s.Done != "", s.Failed != "":
				p.done <- s
			default:
				p.got <- s
			}
		}
	}()
	p.write(settings)
	p.channel = await(t, channels, "the Python process")
	return p
}

func (p *peer) write(v any) {
	p.t.Helper()
	if err := p.in.Encode(v); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) do(op, name, kind string) {
	p.t.Helper()
	if err := p.try(op, name, kind); err != "" {
		p.t.Fatalf("%s %s: the Python process replied %s", op, name, err)
	}
}

// try is do for a command that may fail.
func (p *peer) try(op, name, kind string) (failure string) {
	p.t.Helper()
	p.write(map[string]string{"op": op, "name": name, "type": kind})
	return await(p.t, p.done, "the Python process to "+op).Failed
}

func (p *peer) expect(kind string) {
	p.t.Helper()
	if got, want := await(p.t, p.got, "a message in Python"), (reply{Got: kind, Text: "hé😀", Binary: []int{0, 255}}); !reflect.DeepEqual(got, want) {
		p.t.Errorf("Python got %+v, want %+v", got, want)
	}
}

func needDjango(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import channels, channels_redis.core, channels_redis.pubsub").CombinedOutput(); err != nil {
		t.Logf("%v: %s", err, out)
		t.Skip("found no Django Channels for " + python + ": install Debian's python3-django-channels and python3-channels-redis (.ci/redis.sh does)")
	}
}

// TestDjangoProcessesTakePart runs two edges and two Python processes in one
// group. Each sends to the group and directly.
func TestDjangoProcessesTakePart(t *testing.T) {
	needDjango(t)
	two := redistest.StartTwo(t)
	both := []string{two[0].URL(), two[1].URL()}
	for _, test := range []struct {
		name string
		kind int
		Config
	}{
		{"core", 0, Config{Hosts: both[:1]}},
		{"core with two hosts", 0, Config{Hosts: both}},
		{"core, encrypted", 0, Config{Hosts: both[:1], Keys: []string{"secret", "older"}}},
		{"pubsub", 1, Config{Hosts: both[:1]}},
		{"pubsub with two hosts", 1, Config{Hosts: both}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := test.Config
			c.Prefix = redistest.Prefix()
			kind := kinds[test.kind]
			layers := []channel.Layer{open(t, kind.make, c), open(t, kind.make, c)}
			scopes := []channel.Scope{channeltest.Scope(t, layers[0], "acme"), channeltest.Scope(t, layers[1], "acme")}
			members := []channeltest.Member{channeltest.Open(t, scopes[0], "chat"), channeltest.Open(t, scopes[1], "chat")}
			peers := []*peer{newPeer(t, kind.name, c), newPeer(t, kind.name, c)}
			for _, p := range peers {
				p.do("join", "acme.chat", "")
			}
			rounds(t, scopes, members, peers)

			// A general channel, received by a Python worker. In pub/sub its
			// name has no prefix, so each test uses another name on the shared
			// server.
			work := fmt.Sprintf("thumbnails-%d", len(test.Hosts)*10+len(test.Keys))
			peers[0].do("receive", "acme."+work, "")
			if kind.name == "pubsub" {
				listening(t, layers[0], "acme."+work)
			}
			for i := range 4 {
				if err := scopes[0].Send(t.Context(), work, hello(t, fmt.Sprint("work", i))); err != nil {
					t.Fatal(err)
				}
				peers[0].expect(fmt.Sprint("work", i))
			}
			for _, s := range scopes {
				if s := s.Stats(); s.Malformed+s.Unknown+s.Foreign+s.Full+s.OverCapacity != 0 {
					t.Errorf("lost: %+v", s)
				}
			}
		})
	}
}

// A restart of Redis, which loses all keys, interrupts both sides. The edges'
// receivers are notified, and sends fail on both sides. Afterwards messages
// arrive again: at the edges without further calls, at Django's consumers after
// they joined again (core), as reconnecting clients do, or after their layer
// subscribed again (pub/sub).
func TestW6DjangoProcessesTakePartAgainAfterARestart(t *testing.T) {
	needDjango(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			c := Config{Hosts: []string{server.URL()}, Prefix: "asgi"}
			layers := []channel.Layer{open(t, kind.make, c), open(t, kind.make, c)}
			scopes := []channel.Scope{channeltest.Scope(t, layers[0], "acme"), channeltest.Scope(t, layers[1], "acme")}
			members := []channeltest.Member{channeltest.Open(t, scopes[0], "chat"), channeltest.Open(t, scopes[1], "chat")}
			peers := []*peer{newPeer(t, kind.name, c), newPeer(t, kind.name, c)}
			for _, p := range peers {
				p.do("join", "acme.chat", "")
			}
			rounds(t, scopes, members, peers)
			for _, end := range []func(testing.TB){server.Stop, server.Kill} {
				end(t)
				for i, m := range members {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					if got, err := m.Box.Next(ctx); !errors.Is(err, channel.ErrBroken) {
						t.Errorf("the member of edge %d got %v, %v, expected %v", i, got, err, channel.ErrBroken)
					}
					cancel()
					if err := scopes[i].GroupSend(t.Context(), "chat", hello(t, "lost")); !errors.Is(err, channel.ErrBroken) {
						t.Errorf("a message of edge %d: got %v, expected %v", i, err, channel.ErrBroken)
					}
					if peers[i].try("group_send", "acme.chat", "lost") == "" {
						t.Errorf("a message of Python process %d was sent although Redis is down", i)
					}
				}
				server.Restart(t)
				for i := range scopes {
					eventually(t, "the edges to reconnect", func() bool { return scopes[i].Stats().Broken == 0 })
				}
				for _, p := range peers {
					eventually(t, "the Python process to join", func() bool { return p.try("join", "acme.chat", "") == "" })
				}
				if kind.name == "pubsub" {
					group := layers[0].(*PubSub).groupPrefix() + "acme.chat"
					client := layers[0].(*PubSub).clients[0]
					eventually(t, "a subscription to the other group", func() bool {
						rest := layers[0].(*PubSub).groupPrefix() + "acme.rest"
						return client.PubSubNumSub(t.Context(), rest).Val()[rest] == 1
					})
					eventually(t, "all to listen", func() bool { return client.PubSubNumSub(t.Context(), group).Val()[group] == 4 })
					for _, p := range peers {
						eventually(t, "the Python process to listen to its channel", func() bool {
							return client.PubSubNumSub(t.Context(), p.channel).Val()[p.channel] == 1
						})
					}
				}
				rounds(t, scopes, members, peers)
			}
			for i, s := range scopes {
				if s := s.Stats(); s.Breaks != 2 || s.Resumes != 2 || s.Malformed+s.Unknown+s.Foreign+s.Full+s.OverCapacity != 0 {
					t.Errorf("edge %d counted %+v", i, s)
				}
			}
		})
	}
}

// rounds sends from every process to the group, and directly to the edges'
// channels.
func rounds(t *testing.T, scopes []channel.Scope, members []channeltest.Member, peers []*peer) {
	t.Helper()
	received := func(kind string) {
		t.Helper()
		for _, m := range members {
			arrives(t, m, kind)
		}
		for _, p := range peers {
			p.expect(kind)
		}
	}
	for round := range 5 {
		for i, s := range scopes {
			kind := fmt.Sprint("edge", i, " ", round)
			if err := s.GroupSend(t.Context(), "chat", hello(t, kind)); err != nil {
				t.Fatal(err)
			}
			received(kind)
		}
		for i, p := range peers {
			kind := fmt.Sprint("django", i, " ", round)
			p.do("group_send", "acme.chat", kind)
			received(kind)
			for _, m := range members {
				p.do("send", m.WireName(), kind)
				arrives(t, m, kind)
			}
		}
	}
	peers[1].do("leave", "acme.chat", "")
	if err := scopes[0].GroupSend(t.Context(), "chat", hello(t, "fewer")); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		arrives(t, m, "fewer")
	}
	peers[0].expect("fewer")
	peers[1].do("join", "acme.rest", "")
	peers[0].do("group_send", "acme.rest", "and to you") // a message of the group would arrive first
	peers[1].expect("and to you")
}

func arrives(t *testing.T, m channeltest.Member, kind string) {
	t.Helper()
	want := map[string]any{"type": kind, "text": "hé😀", "binary": []byte{0, 255}}
	if got := m.NextMessage(t).Map(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func hello(t *testing.T, kind string) *channel.Message {
	t.Helper()
	return channeltest.Message(t, kind, channel.Field{Name: "text", Value: "hé😀"}, channel.Field{Name: "binary", Value: []byte{0, 255}})
}

// listening waits until a channel has a subscriber at any host.
func listening(t *testing.T, l channel.Layer, name string) {
	t.Helper()
	layer := l.(*PubSub)
	eventually(t, "the Python worker to subscribe", func() bool {
		for _, client := range layer.clients {
			if client.PubSubNumSub(t.Context(), name).Val()[name] > 0 {
				return true
			}
		}
		return false
	})
}
