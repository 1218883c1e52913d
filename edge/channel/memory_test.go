package channel_test

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
)

func newMemory(t *testing.T, c channel.Config) (a, b channel.Layer) {
	t.Helper()
	layer, err := channel.NewMemory(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
	})
	return layer, layer
}

func TestMemory(t *testing.T) { channeltest.Run(t, newMemory) }

// counting counts messages.
type counting struct{ n int }

func (c *counting) Receive(*channel.Message) bool { c.n++; return true }
func (*counting) Interrupted(error)               {}

func TestADirectSendToAFullMailboxFails(t *testing.T) {
	layer, _ := newMemory(t, channel.Config{})
	s := channeltest.Scope(t, layer, "acme")
	box := channeltest.NewMailbox(channeltest.MailboxConfig{Capacity: 1})
	ch, err := s.Open(t.Context(), box)
	if err == nil {
		err = s.Add(t.Context(), "chat", ch)
	}
	if err == nil {
		err = s.Send(t.Context(), ch.Name(), channeltest.Message(t, "fits"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), ch.Name(), channeltest.Message(t, "one too many")); !errors.Is(err, channel.ErrFull) {
		t.Errorf("got %v, expected %v", err, channel.ErrFull)
	}
	channeltest.SendGroup(t, s, "chat", "no error in a group")
	if got := s.Stats().Full; got != 2 {
		t.Errorf("Full is %d, expected 2", got)
	}
}

func TestManyDropsAreOneLogLine(t *testing.T) {
	var log strings.Builder
	layer, _ := newMemory(t, channel.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, schema := range []string{"acme", "bolt"} {
		s := channeltest.Scope(t, layer, schema)
		ch, err := s.Open(t.Context(), channeltest.NewMailbox(channeltest.MailboxConfig{Capacity: 1}))
		if err == nil {
			err = s.Add(t.Context(), "chat", ch)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			channeltest.SendGroup(t, s, "chat", "hello")
		}
		if got := s.Stats().Full; got != 99 {
			t.Errorf("%d drops of %s are counted, expected 99", got, schema)
		}
		if n := strings.Count(log.String(), "schema="+schema+" receiver_full="); n != 1 {
			t.Errorf("%s has %d lines of the log, expected 1:\n%s", schema, n, log.String())
		}
	}
}

func TestAGroupMessageAllocatesNothingPerMember(t *testing.T) {
	layer, _ := newMemory(t, channel.Config{})
	s := channeltest.Scope(t, layer, "acme")
	total := &counting{}
	fill(t, s, total, 1000)
	m := channeltest.Message(t, "chat.message")
	const runs = 100
	if got := testing.AllocsPerRun(runs, func() {
		if err := s.GroupSend(t.Context(), "chat", m); err != nil {
			t.Fatal(err)
		}
	}); got > 2 {
		t.Errorf("%v allocations for a message to 1000 members, 2 are allowed", got)
	}
	if total.n != (runs+1)*1000 {
		t.Errorf("%d deliveries, expected %d", total.n, (runs+1)*1000)
	}
}

func fill(t testing.TB, s channel.Scope, r channel.Receiver, members int) {
	t.Helper()
	for range members {
		ch, err := s.Open(t.Context(), r)
		if err == nil {
			err = s.Add(t.Context(), "chat", ch)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// leaving leaves its group and closes its channel in Receive, as a slow socket
// does.
type leaving struct {
	scope channel.Scope
	ch    *channel.Channel
}

func (l *leaving) Receive(*channel.Message) bool {
	l.scope.Discard("chat", l.ch)
	return !l.ch.Close()
}
func (*leaving) Interrupted(error) {}

func TestAReceiverMayCloseItsChannelWhileItReceives(t *testing.T) {
	layer, _ := newMemory(t, channel.Config{})
	s := channeltest.Scope(t, layer, "acme")
	for range 10 {
		l := &leaving{scope: s}
		ch, err := s.Open(t.Context(), l)
		if err == nil {
			l.ch = ch
			err = s.Add(t.Context(), "chat", ch)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	channeltest.SendGroup(t, s, "chat", "go")
	if got := s.Stats(); got.Channels != 0 || got.Memberships != 0 || got.Full != 10 {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkGroupSend(b *testing.B) {
	for _, members := range []int{1000, 10_000} {
		b.Run(strconv.Itoa(members), func(b *testing.B) {
			layer, err := channel.NewMemory(channel.Config{})
			if err != nil {
				b.Fatal(err)
			}
			s, err := layer.For("acme")
			if err != nil {
				b.Fatal(err)
			}
			fill(b, s, &counting{}, members)
			m, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := s.GroupSend(b.Context(), "chat", m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(members)*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkOpen measures opening a channel and adding it to a group.
func BenchmarkOpen(b *testing.B) {
	layer, err := channel.NewMemory(channel.Config{MaxChannels: 1 << 30, MaxMemberships: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	s, err := layer.For("acme")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		fill(b, s, &counting{}, 1)
	}
}
