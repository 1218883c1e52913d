// Package channeltest is the suite that every channel layer passes.
//
//	channeltest.Run(t, func(t *testing.T, c channel.Config) (a, b channel.Layer) {
//		…
//	})
package channeltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// New returns the layers of two processes that share a wire, or one layer
// twice. They are closed after the test.
type New func(t *testing.T, c channel.Config) (a, b channel.Layer)

// patience bounds the wait for something that must happen.
const patience = 30 * time.Second

// Run runs the suite.
func Run(t *testing.T, layers New) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, New)
	}{
		{"a group message reaches all members in all processes, once and in order", groupReaches},
		{"a direct message reaches only its channel, from either process", directReaches},
		{"a channel in several groups receives from each, and joining twice is joining once", severalGroups},
		{"a channel that left or closed receives nothing", leaversReceiveNothing},
		{"a group that all members left can be joined again", joinAgain},
		{"W1: tenants with the same names do not receive each other's messages", tenantsApart},
		{"W1: names that could reach another tenant are rejected", badNames},
		{"W5: unread messages of one tenant drop no messages of another", backlogStays},
		{"limits are per tenant", limits},
		{"messages without a type or beyond the limit are rejected", badMessages},
		{"a message for a closed channel is not an error", closedChannel},
		{"values arrive as they were sent", valuesArrive},
		{"a closed layer notifies receivers and fails calls", closed},
		{"channels open, join, send and close at the same time", storm},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, layers) })
	}
}

// Scope returns a tenant's scope.
func Scope(t *testing.T, l channel.Layer, schema string) channel.Scope {
	t.Helper()
	s, err := l.For(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Member is an open channel and its mailbox.
type Member struct {
	*channel.Channel
	Box *Mailbox
}

// Open opens a channel and makes it a member of groups.
func Open(t *testing.T, s channel.Scope, groups ...string) Member {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	box := NewMailbox(MailboxConfig{})
	ch, err := s.Open(ctx, box)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if err := s.Add(ctx, g, ch); err != nil {
			t.Fatal(err)
		}
	}
	return Member{ch, box}
}

// Next returns the type of the next message.
func (m Member) Next(t *testing.T) string {
	t.Helper()
	return m.NextMessage(t).Type()
}

// NextMessage returns the next message.
func (m Member) NextMessage(t *testing.T) *channel.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := m.Box.Next(ctx)
	if err != nil {
		t.Fatalf("no message arrived: %v", err)
	}
	return got
}

// Message returns a message.
func Message(t *testing.T, kind string, fields ...channel.Field) *channel.Message {
	t.Helper()
	m, err := channel.NewMessage(kind, fields...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// SendGroup sends a message without fields to a group.
func SendGroup(t *testing.T, s channel.Scope, group, kind string) {
	t.Helper()
	if err := s.GroupSend(t.Context(), group, Message(t, kind)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, m Member, kinds ...string) {
	t.Helper()
	for _, want := range kinds {
		if got := m.Next(t); got != want {
			t.Fatalf("got message %q, expected %q", got, want)
		}
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, expected %v", err, want)
	}
}

func groupReaches(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	here, there := Scope(t, a, "acme"), Scope(t, b, "acme")
	members := []Member{Open(t, here, "chat"), Open(t, here, "chat"), Open(t, there, "chat")}
	var kinds []string
	for i := range 50 {
		kinds = append(kinds, fmt.Sprint("m", i))
		SendGroup(t, here, "chat", kinds[i])
	}
	for _, m := range members {
		expect(t, m, kinds...)
	}
	SendGroup(t, there, "chat", "back")
	for _, m := range members {
		expect(t, m, "back")
	}
	SendGroup(t, here, "empty", "void")
}

func directReaches(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	here, there := Scope(t, a, "acme"), Scope(t, b, "acme")
	one, other := Open(t, here), Open(t, there)
	for _, from := range []channel.Scope{here, there} {
		for _, to := range []Member{one, other} {
			if err := from.Send(t.Context(), to.Name(), Message(t, "direct")); err != nil {
				t.Fatal(err)
			}
			expect(t, to, "direct")
		}
	}
	if n := one.Box.Len() + other.Box.Len(); n != 0 {
		t.Errorf("%d unexpected messages", n)
	}
}

func severalGroups(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	s := Scope(t, a, "acme")
	m := Open(t, s, "one", "two", "one", "three")
	for _, g := range []string{"one", "two", "three"} {
		SendGroup(t, Scope(t, b, "acme"), g, g)
		expect(t, m, g)
	}
	if got := s.Stats().Memberships; got != 3 {
		t.Errorf("%d memberships, expected 3", got)
	}
	Open(t, s, "two", "four")
	want := []channel.GroupSize{{Name: "two", Members: 2}, {Name: "four", Members: 1}, {Name: "one", Members: 1}}
	if got := s.LargestGroups(3); !slices.Equal(got, want) || len(s.LargestGroups(9)) != 4 || len(s.LargestGroups(0)) != 0 {
		t.Errorf("the largest groups are %v, expected %v", got, want)
	}
	if got := Scope(t, a, "other").LargestGroups(9); len(got) > 0 {
		t.Errorf("another tenant has the groups %v", got)
	}
}

func leaversReceiveNothing(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	here, there := Scope(t, a, "acme"), Scope(t, b, "acme")
	open, leaves, closes := Open(t, here, "chat"), Open(t, here, "chat"), Open(t, here, "chat")
	here.Discard("chat", leaves.Channel)
	here.Discard("chat", leaves.Channel)
	here.Discard("never joined", leaves.Channel)
	if !closes.Close() || closes.Close() {
		t.Error("the first Close of a channel is true, others are false")
	}
	is(t, here.Add(t.Context(), "chat", closes.Channel), channel.ErrClosed)
	SendGroup(t, there, "chat", "after")
	expect(t, open, "after")
	if err := there.Send(t.Context(), leaves.Name(), Message(t, "still open")); err != nil {
		t.Fatal(err)
	}
	expect(t, leaves, "still open")
	if n := closes.Box.Len(); n != 0 {
		t.Errorf("a closed channel received %d messages", n)
	}
}

func joinAgain(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	here, there := Scope(t, a, "acme"), Scope(t, b, "acme")
	m := Open(t, here)
	for i := range 20 {
		if err := here.Add(t.Context(), "chat", m.Channel); err != nil {
			t.Fatal(err)
		}
		kind := fmt.Sprint("round", i)
		SendGroup(t, there, "chat", kind)
		expect(t, m, kind)
		here.Discard("chat", m.Channel)
	}
}

func tenantsApart(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	acme, bolt := Scope(t, a, "acme"), Scope(t, b, "bolt")
	ours, theirs := Open(t, acme, "chat"), Open(t, bolt, "chat")
	// These would have the same name without a separator.
	short, long := Open(t, Scope(t, a, "a"), "b.c"), Open(t, Scope(t, b, "ab"), "c")
	SendGroup(t, acme, "chat", "acme")
	SendGroup(t, bolt, "chat", "bolt")
	SendGroup(t, Scope(t, b, "a"), "b.c", "a and b.c")
	SendGroup(t, Scope(t, a, "ab"), "c", "ab and c")
	// In bolt's scope, the name of acme's channel is another channel.
	if err := bolt.Send(t.Context(), ours.Name(), Message(t, "stolen")); err != nil {
		t.Fatal(err)
	}
	is(t, bolt.Add(t.Context(), "chat", ours.Channel), channel.ErrClosed)
	bolt.Discard("chat", ours.Channel)
	expect(t, ours, "acme")
	expect(t, theirs, "bolt")
	expect(t, short, "a and b.c")
	expect(t, long, "ab and c")
	SendGroup(t, acme, "chat", "last")
	expect(t, ours, "last")
}

func badNames(t *testing.T, layers New) {
	a, _ := layers(t, channel.Config{})
	for _, schema := range []string{"", "a.b", "a:b", "a!b", "a b", "ä", strings.Repeat("s", 64)} {
		_, err := a.For(schema)
		is(t, err, channel.ErrName)
	}
	s := Scope(t, a, "acme")
	m, hello := Open(t, s), Message(t, "hello")
	for _, group := range []string{"", "a:b", "a!b", "a b", "a\x00", "ä", "a*", "a$", strings.Repeat("g", 95)} {
		is(t, s.Add(t.Context(), group, m.Channel), channel.ErrName)
		is(t, s.GroupSend(t.Context(), group, hello), channel.ErrName)
	}
	for _, name := range []string{"", "!", "!x", "a!b!c", "a:b", "a!b:c", "a b", "ä", strings.Repeat("g", 95)} {
		is(t, s.Send(t.Context(), name, hello), channel.ErrName)
	}
	if err := s.GroupSend(t.Context(), strings.Repeat("g", 94), hello); err != nil {
		t.Errorf("a group's name of 99 bytes on the wire: %v", err)
	}
}

func backlogStays(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	noisy, quiet := Scope(t, a, "noisy"), Scope(t, a, "quiet")
	sleeper, listener := Open(t, noisy, "chat"), Open(t, quiet, "chat")
	const many = 500
	for range many {
		// A layer may reject messages of the noisy tenant, not of the quiet
		// one.
		if err := Scope(t, b, "noisy").GroupSend(t.Context(), "chat", Message(t, "noise")); err != nil {
			is(t, err, channel.ErrFull)
		}
	}
	for i := range 20 {
		SendGroup(t, Scope(t, b, "quiet"), "chat", fmt.Sprint("q", i))
		expect(t, listener, fmt.Sprint("q", i))
	}
	sent := Scope(t, a, "quiet").Stats()
	if sent.Full+sent.OverCapacity+sent.Unknown+sent.Foreign != 0 {
		t.Errorf("the quiet tenant lost messages: %+v", sent)
	}
	if n := sleeper.Box.Len(); n > 100 {
		t.Errorf("%d unread messages, 100 are allowed", n)
	}
}

func limits(t *testing.T, layers New) {
	a, _ := layers(t, channel.Config{MaxChannels: 2, MaxMemberships: 3})
	acme, bolt := Scope(t, a, "acme"), Scope(t, a, "bolt")
	one, two := Open(t, acme, "x", "y"), Open(t, acme, "x")
	_, err := acme.Open(t.Context(), NewMailbox(MailboxConfig{}))
	is(t, err, channel.ErrLimit)
	is(t, acme.Add(t.Context(), "z", two.Channel), channel.ErrLimit)
	Open(t, bolt, "x", "y")
	one.Close()
	Open(t, acme, "x", "y")
}

func badMessages(t *testing.T, layers New) {
	a, _ := layers(t, channel.Config{MaxMessage: 100})
	s := Scope(t, a, "acme")
	untyped, err := channel.ParseMessage([]byte{0x80})
	if err != nil {
		t.Fatal(err)
	}
	large := Message(t, "large", channel.Field{Name: "text", Value: strings.Repeat("x", 100)})
	for _, send := range []func(*channel.Message) error{
		func(m *channel.Message) error { return s.GroupSend(t.Context(), "chat", m) },
		func(m *channel.Message) error { return s.Send(t.Context(), "worker", m) },
	} {
		is(t, send(untyped), channel.ErrMessage)
		is(t, send(large), channel.ErrTooLarge)
	}
	if got := s.Stats().Sent; got != 0 {
		t.Errorf("%d messages were sent", got)
	}
}

func closedChannel(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	here, there := Scope(t, a, "acme"), Scope(t, b, "acme")
	closed, open := Open(t, here), Open(t, here)
	closed.Close()
	for _, to := range []Member{closed, open} {
		if err := there.Send(t.Context(), to.Name(), Message(t, "direct")); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, open, "direct")
	if n := closed.Box.Len(); n != 0 {
		t.Errorf("a closed channel received %d messages", n)
	}
}

func valuesArrive(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	m := Open(t, Scope(t, a, "acme"), "chat")
	sent := Message(t, "t",
		channel.Field{Name: "none", Value: nil}, channel.Field{Name: "t", Value: true},
		channel.Field{Name: "i", Value: 1}, channel.Field{Name: "neg", Value: -1}, channel.Field{Name: "big", Value: int64(1) << 40},
		channel.Field{Name: "huge", Value: uint64(math.MaxUint64)}, channel.Field{Name: "f", Value: 1.5},
		channel.Field{Name: "u", Value: "hé😀"}, channel.Field{Name: "l", Value: []any{1, "x"}},
		channel.Field{Name: "m", Value: map[string]any{"k": "v"}})
	if err := Scope(t, b, "acme").GroupSend(t.Context(), "chat", sent); err != nil {
		t.Fatal(err)
	}
	got, err := m.NextMessage(t).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"big":1099511627776,"f":1.5,"huge":18446744073709551615,"i":1,"l":[1,"x"],"m":{"k":"v"},"neg":-1,"none":null,"t":true,"type":"t","u":"hé😀"}`
	if string(got) != want {
		t.Errorf("got  %s\nsent %s", got, want)
	}
}

func closed(t *testing.T, layers New) {
	a, _ := layers(t, channel.Config{})
	s := Scope(t, a, "acme")
	m := Open(t, s, "chat")
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 2 {
		_, err := m.Box.Next(ctx)
		is(t, err, channel.ErrClosed)
	}
	_, err := a.For("another")
	is(t, err, channel.ErrClosed)
	_, err = s.Open(ctx, m.Box)
	is(t, err, channel.ErrClosed)
	is(t, s.Add(ctx, "chat", m.Channel), channel.ErrClosed)
	is(t, s.Send(ctx, m.Name(), Message(t, "late")), channel.ErrClosed)
	is(t, s.GroupSend(ctx, "chat", Message(t, "late")), channel.ErrClosed)
	if m.Close() {
		t.Error("the channel was still open")
	}
}

// storm opens, joins, sends and closes from several goroutines.
func storm(t *testing.T, layers New) {
	a, b := layers(t, channel.Config{})
	steady := Open(t, Scope(t, a, "acme"), "steady")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s := Scope(t, []channel.Layer{a, b}[i%2], []string{"acme", "bolt"}[i/2%2])
			for j := range 20 {
				stormRound(t, s, fmt.Sprint("g", j%3))
			}
		})
	}
	all.Wait()
	SendGroup(t, Scope(t, b, "acme"), "steady", "done")
	expect(t, steady, "done")
	for _, layer := range []channel.Layer{a, b} {
		if s := layer.Stats(); s.Channels > 2 || s.Memberships > 2 || s.Foreign+s.Malformed != 0 {
			t.Errorf("still counted: %+v", s)
		}
	}
}

func stormRound(t *testing.T, s channel.Scope, group string) {
	t.Helper()
	m := Open(t, s, "x", "y", group)
	SendGroup(t, s, "x", "noise")
	if err := s.Send(t.Context(), m.Name(), Message(t, "self")); err != nil {
		t.Error(err)
	}
	for m.Next(t) != "self" {
	}
	s.Discard("y", m.Channel)
	m.Close()
}
