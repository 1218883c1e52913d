//go:build unix

package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// dial returns a client with which the test disturbs a server.
func dial(t *testing.T, s *redistest.Server) *redis.Conn {
	t.Helper()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	conn := client.Conn()
	t.Cleanup(func() { _, _ = conn.Close(), client.Close() })
	return conn
}

func do(t *testing.T, conn *redis.Conn, commands ...[]any) {
	t.Helper()
	for _, c := range commands {
		if err := conn.Do(context.Background(), c...).Err(); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
}

// A Redis that replies with errors loses nothing silently: a message that was
// sent without an error arrives, or the receiver is notified of a break. After
// Redis has recovered, everything works.
func TestW6ARedisThatAnswersWithErrorsIsNeverSilent(t *testing.T) {
	killAll := [][]any{{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}, {"CLIENT", "KILL", "TYPE", "pubsub"}}
	for _, trouble := range []struct {
		name       string
		hurt, heal [][]any
		breaks     bool // breaks pub/sub too
	}{
		{"its memory is full", [][]any{{"CONFIG", "SET", "maxmemory", "1"}}, [][]any{{"CONFIG", "SET", "maxmemory", "0"}}, false},
		{"it became a replica", [][]any{{"REPLICAOF", "127.0.0.1", "1"}}, [][]any{{"REPLICAOF", "NO", "ONE"}}, false},
		{"it requires a password", append([][]any{{"CONFIG", "SET", "requirepass", "x"}}, killAll...), [][]any{{"CONFIG", "SET", "requirepass", ""}}, true},
		{"it has too many clients", append([][]any{{"CONFIG", "SET", "maxclients", "1"}}, killAll...), [][]any{{"CONFIG", "SET", "maxclients", "1000"}}, true},
		{"it forbids the required commands", [][]any{{"ACL", "SETUSER", "default", "-zadd", "-eval"}}, [][]any{{"ACL", "SETUSER", "default", "+zadd", "+eval"}}, false},
	} {
		for _, kind := range kinds {
			t.Run(trouble.name+", "+kind.name, func(t *testing.T) {
				t.Parallel()
				server := redistest.StartOwn(t)
				control := dial(t, server)
				do(t, control, []any{"PING"})
				config := Config{Hosts: []string{server.URL()}}
				log := &logBuffer{}
				logged := config
				logged.Logger = slog.New(slog.NewTextHandler(log, nil))
				a, b := open(t, kind.make, config), open(t, kind.make, logged)
				here, there := channeltest.Scope(t, a, "acme"), channeltest.Scope(t, b, "acme")
				w := newRecorder()
				ch, err := here.Open(t.Context(), w)
				if err == nil {
					err = here.Add(t.Context(), "chat", ch)
				}
				if err != nil {
					t.Fatal(err)
				}
				do(t, control, trouble.hurt...)
				fails := trouble.breaks || kind.name == "core"
				err = here.Add(t.Context(), "another", ch)
				if fails != (err != nil) || err != nil && !errors.Is(err, channel.ErrBroken) {
					t.Errorf("Add: got %v", err)
				}
				if fails {
					if err := await(t, w.breaks, "word of the break"); !errors.Is(err, channel.ErrBroken) {
						t.Errorf("notified of %v, expected %v", err, channel.ErrBroken)
					}
				}
				err = there.GroupSend(t.Context(), "chat", channeltest.Message(t, "during"))
				if fails != (err != nil) || err != nil && !errors.Is(err, channel.ErrBroken) {
					t.Errorf("GroupSend: got %v", err)
				}
				if s := there.Stats(); fails != (s.Unsent == 1) || fails != (s.Broken == 1) || s.Sent+s.Unsent != 1 {
					t.Errorf("after one failing send (%v): counted %+v, expected it to be unsent and the layer broken", fails, s)
				}
				if n := log.count("cannot be sent"); fails != (n == 1) {
					t.Errorf("after one failing send (%v): logged %d lines", fails, n)
				}
				if err == nil && await(t, w.messages, "a message") != "during" {
					t.Error("another message arrived")
				}
				do(t, control, trouble.heal...)
				if fails {
					if err := await(t, w.breaks, "word of the resumption"); err != nil {
						t.Errorf("notified of %v, expected nil", err)
					}
				}
				eventually(t, "a send that works", func() bool {
					return there.GroupSend(t.Context(), "chat", channeltest.Message(t, "after")) == nil
				})
				if s := there.Stats(); s.Broken != 0 {
					t.Errorf("after a send that works %d layers are broken", s.Broken)
				}
				if got := await(t, w.messages, "a message"); got != "after" {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}

// The loss of memberships is detected although the connection stays open.
func TestW6ARedisThatLosesMembershipsIsDetected(t *testing.T) {
	for name, command := range map[string][]any{
		"all keys": {"FLUSHALL"},
		"one key":  {"DEL", "asgi:group:acme.chat"},
		"a member": {"ZREMRANGEBYRANK", "asgi:group:acme.chat", "0", "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			core := open(t, kinds[0].make, Config{Hosts: []string{server.URL()}}).(*Core)
			core.beat = 50 * time.Millisecond
			s, w := channeltest.Scope(t, core, "acme"), newRecorder()
			ch, err := s.Open(t.Context(), w)
			for i := range 2 * dueAtLeast {
				if err == nil {
					err = s.Add(t.Context(), fmt.Sprint("room", i), ch)
				}
			}
			if err == nil {
				err = s.Add(t.Context(), "chat", ch)
			}
			if err != nil {
				t.Fatal(err)
			}
			do(t, dial(t, server), command)
			w.awaitResume(t)
			w.awaitAfterBreaks(t, func() { channeltest.SendGroup(t, s, "chat", "after") }, "after")
		})
	}
}

// awaitAfterBreaks sends a message, and again after each further break: a server that
// loses its keys during a beat shows first that a membership is lost, and then that
// all are.
func (w *recorder) awaitAfterBreaks(t *testing.T, send func(), want string) {
	t.Helper()
	for late := time.After(patience); ; {
		send()
		select {
		case got := <-w.messages:
			if got != want {
				t.Errorf("got %q, expected %q", got, want)
			}
			return
		case err := <-w.breaks:
			if !errors.Is(err, channel.ErrBroken) {
				t.Errorf("notified of %v, expected %v", err, channel.ErrBroken)
			}
			if err := await(t, w.breaks, "word of the resumption"); err != nil {
				t.Errorf("notified of %v, expected nil", err)
			}
		case <-late:
			t.Fatalf("waited %v for a message", patience)
		}
	}
}

// The server at the host's address may not be a Redis, or not be ready.
func TestW6AServerThatIsNotRedisIsABrokenLayer(t *testing.T) {
	for name, answer := range map[string]string{
		"a web server":        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"noise":               "\x00\xff\x13\x37\r\n\r\n",
		"lengths below zero":  "*-7\r\n$-9\r\n",
		"a surplus reply":     "+PONG\r\n+OK\r\n:1\r\n*1\r\n$1\r\nx\r\n",
		"nothing":             "",
		"a server that loads": "-LOADING Redis is loading the dataset in memory\r\n",
		"a disk that fails":   "-MISCONF Errors writing to the AOF file\r\n",
	} {
		for _, kind := range kinds {
			t.Run(name+", "+kind.name, func(t *testing.T) {
				t.Parallel()
				layer := open(t, kind.make, Config{Hosts: []string{"redis://" + fakeServer(t, answer)}})
				s, w := channeltest.Scope(t, layer, "acme"), newRecorder()
				ch, err := s.Open(t.Context(), w)
				if err == nil {
					err = s.Add(t.Context(), "chat", ch)
				}
				if !errors.Is(err, channel.ErrBroken) {
					t.Errorf("Open and Add: got %v, expected %v", err, channel.ErrBroken)
				}
				if err := s.GroupSend(t.Context(), "chat", channeltest.Message(t, "lost")); !errors.Is(err, channel.ErrBroken) {
					t.Errorf("GroupSend: got %v, expected %v", err, channel.ErrBroken)
				}
				eventually(t, "the break to be counted", func() bool { return s.Stats().Broken == 1 })
			})
		}
	}
}

// fakeServer sends one reply to every command, or closes the connection if that
// is empty.
func fakeServer(t *testing.T, answer string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for b := make([]byte, 4096); answer != ""; {
					n, err := conn.Read(b)
					if err != nil {
						return
					}
					commands := bytes.Count(append([]byte("\n"), b[:n]...), []byte("\n*"))
					if _, err := io.WriteString(conn, strings.Repeat(answer, commands)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A call that times out at a host that does not reply gets ErrBroken, as for a
// closed connection.
func TestW6ATimeoutIsABrokenLayer(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.StartOwn(t)
			s := channeltest.Scope(t, open(t, kind.make, Config{Hosts: []string{server.URL()}}), "acme")
			m := channeltest.Open(t, s, "chat")
			defer freeze(t, server)()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := s.Add(ctx, "another", m.Channel); !errors.Is(err, channel.ErrBroken) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Add: got %v, expected %v", err, channel.ErrBroken)
			}
			canceled, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Add(canceled, "third", m.Channel); errors.Is(err, channel.ErrBroken) || !errors.Is(err, context.Canceled) {
				t.Errorf("Add with a cancelled context: got %v, expected %v", err, context.Canceled)
			}
		})
	}
}

// freeze suspends a server until thaw.
func freeze(t *testing.T, s *redistest.Server) (thaw func()) {
	t.Helper()
	pid := s.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	}
}

// awaitedProtocol is a protocol whose sessions end when the test decides.
type awaitedProtocol struct{ ends []chan error }

func (p *awaitedProtocol) name(wire.Topic, int) (string, bool) { return "", false }
func (p *awaitedProtocol) session(ctx context.Context, k *link) error {
	select {
	case err := <-p.ends[k.host]:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// One host fails while another recovers. The receivers have not been notified
// of the recovery, so they are not notified of the second failure either: no
// channel may open in between.
func TestW6NoChannelOpensBetweenTwoBreaks(t *testing.T) {
	p := &awaitedProtocol{[]chan error{make(chan error), make(chan error)}}
	w := newLinks(p, []*outage{{}, {}})
	var l *line
	layer, err := channel.Over(channel.Config{}, wire.Process{}, func(t wire.Tenant) wire.Line {
		l = w.newLine(t)
		return &pubSubLine{line: l}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := channeltest.Scope(t, layer, "acme")
	first, second := newRecorder(), newRecorder()
	ch, err := s.Open(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	p.ends[0] <- errors.New("down")
	await(t, first.breaks, "word of the break")
	// The first host recovers, and the second fails before the receivers are
	// notified.
	l.notify.Lock()
	l.mu.Lock()
	l.primary[0].down = nil
	l.mu.Unlock()
	late, err := s.Open(t.Context(), second)
	l.notify.Unlock()
	if err == nil {
		l.primary[1].fail(errors.New("down as well"))
		if len(second.breaks) == 0 {
			t.Error("a channel was opened, and its receiver is not notified of the break")
		}
		late.Close()
	} else if !errors.Is(err, channel.ErrBroken) {
		t.Errorf("got %v, expected %v", err, channel.ErrBroken)
	}
	ch.Close()
	w.cancel()
	w.close()
}
