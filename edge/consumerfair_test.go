package edge

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// A tenant has one turn, on however many routes its websockets are.
func TestW5ATenantOfManyRoutesHasOneTurn(t *testing.T) {
	h := newHost(t, nil)
	q := &h.consumers
	q.running = 1 << 20 // nobody runs what is ready
	defer func() { q.running = 0 }()
	var all []*consumer
	ready := func(schema string, routes int) {
		for i := range routes {
			r := consumerRequest{Tenant: &tenant.Tenant{Schema: schema}, Route: fmt.Sprint("route", i)}
			for range 2 {
				c := &consumer{place: q.enter(h, &r), busy: true}
				all = append(all, c)
				q.push(c)
			}
		}
	}
	ready("acme", 50)
	ready("bolt", 1)
	ready("cord", 2)
	var order []string
	for range all {
		order = append(order, q.pop(q.running).place.schema)
	}
	want := []string{"acme", "bolt", "cord", "acme", "bolt", "cord", "acme", "cord", "acme", "cord", "acme", "acme"}
	for i, schema := range want {
		if order[i] != schema {
			t.Fatalf("the turns are %v, expected %v", order[:len(want)], want)
		}
	}
	if q.last != nil {
		t.Error("somebody is ready still")
	}
	for _, c := range all {
		c.abandon()
	}
	if len(q.places) != 0 || len(q.owners) != 0 {
		t.Errorf("%d places and %d tenants are left", len(q.places), len(q.owners))
	}
}

// What waits for a tenant's websockets is bounded in bytes for all of them
// together; a message that waits for many counts once.
func TestW5WhatWaitsForATenantsWebsocketsIsBounded(t *testing.T) {
	h := newHost(t, nil)
	q := &h.consumers
	busy := func(schema string) *consumer {
		return &consumer{place: q.enter(h, &consumerRequest{Tenant: &tenant.Tenant{Schema: schema}}), busy: true}
	}
	long := func() *channel.Message {
		m, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: strings.Repeat("x", 1<<20)})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var all []*consumer
	for range 20 {
		all = append(all, busy("acme"))
	}
	toAll := long()
	for _, c := range all {
		if !c.Receive(toAll) {
			t.Fatal("a message to many members is not taken")
		}
	}
	owner, taken := all[0].place.owner, 0
	if got := owner.waiting.Load(); got != int64(toAll.Len()) {
		t.Errorf("%d bytes wait, expected %d", got, toAll.Len())
	}
	for i := range 5 * len(all) {
		if all[i%len(all)].Receive(long()) {
			taken++
		}
	}
	if want := maxWaitingBytes/toAll.Len() - 1; taken != want {
		t.Errorf("%d messages are taken, expected %d", taken, want)
	}
	other := busy("bolt")
	if m := long(); !other.Receive(m) || !other.Receive(toAll) {
		t.Error("another tenant's message is not taken")
	}
	for _, c := range all {
		c.abandon()
	}
	other.abandon()
	if a, b := owner.waiting.Load(), other.place.owner.waiting.Load(); a != 0 || b != 0 {
		t.Errorf("%d and %d bytes still wait", a, b)
	}
}

// dammedLayer holds back what a tenant sends to one of its groups.
type dammedLayer struct {
	channel.Layer
	held   chan struct{}
	opened chan struct{}
}

func (l *dammedLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &dammedScope{s, l}, err
}

type dammedScope struct {
	channel.Scope
	layer *dammedLayer
}

func (s *dammedScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	if group == "dammed" {
		s.layer.held <- struct{}{}
		<-s.layer.opened
	}
	return s.Scope.GroupSend(ctx, group, m)
}

// Events that wait for the layer take no turn from others.
func TestW5ATenantThatWaitsForItsLayerKeepsNoOtherWaiting(t *testing.T) {
	const waiting = 2 * maxAside
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
		c.Limits.Instances = 2
		c.Limits.Deadline = time.Minute
	})
	layer := &dammedLayer{w.layer, make(chan struct{}, 3*waiting), make(chan struct{})}
	w.layer = layer
	open := sync.OnceFunc(func() { close(layer.opened) })
	t.Cleanup(open) // before the websockets are waited for, also if something fails
	calm := w.visit(t, "other", "add chat")
	var all []*visitor
	for range waiting {
		all = append(all, w.visit(t, "acme", "add chat"))
	}
	starter := w.visit(t, "acme")
	starter.says(t, "script chat group dammed x", "say begun")
	starter.hears(t, "begun")
	for range maxAside {
		<-layer.held
	}
	for _, v := range all { // which have a message of their group to run before
		v.says(t, "group dammed y", "say done")
	}
	for i := range 20 {
		calm.says(t, fmt.Sprint("group chat ", i), "timer 1", fmt.Sprint("state ", i))
		calm.hears(t, fmt.Sprint("group chat.message ", i), fmt.Sprint("timer ", i))
	}
	const instances = 2 // that may be about to wait as well
	if n := len(layer.held); n > instances {
		t.Errorf("%d events of a tenant wait for the layer, expected %d", maxAside+n, maxAside)
	}
	open()
	for _, v := range all {
		v.hears(t, "done")
	}
}
