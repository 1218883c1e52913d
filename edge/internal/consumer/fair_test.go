package consumer

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// A tenant takes one turn, however many routes its websockets use.
func TestW5ATenantOfManyRoutesHasOneTurn(t *testing.T) {
	set := testSet()
	set.running = 1 << 20 // so that push starts no goroutine
	defer func() { set.running = 0 }()
	var all []*Consumer
	ready := func(schema string, routes int) {
		for i := range routes {
			r := Request{Tenant: &tenant.Tenant{Schema: schema}, Route: fmt.Sprint("route", i)}
			for range 2 {
				c := &Consumer{endpoint: set.acquire(&r), busy: true}
				all = append(all, c)
				set.push(c)
			}
		}
	}
	ready("acme", 50)
	ready("bolt", 1)
	ready("cord", 2)
	var order []string
	for range all {
		order = append(order, set.pop(set.running).endpoint.schema)
	}
	want := []string{"acme", "bolt", "cord", "acme", "bolt", "cord", "acme", "cord", "acme", "cord", "acme", "acme"}
	for i, schema := range want {
		if order[i] != schema {
			t.Fatalf("the turns are %v, expected %v", order[:len(want)], want)
		}
	}
	if set.last != nil {
		t.Error("a consumer is still ready")
	}
	for _, c := range all {
		c.Abandon()
	}
	if len(set.endpoints) != 0 || len(set.owners) != 0 {
		t.Errorf("%d endpoints and %d tenants remain", len(set.endpoints), len(set.owners))
	}
}

// The bytes of group messages that wait for the websockets of a tenant are bounded.
// A message that waits for several websockets counts once.
func TestW5MessagesThatWaitForATenantsWebsocketsAreBounded(t *testing.T) {
	set := testSet()
	busy := func(schema string) *Consumer {
		return &Consumer{endpoint: set.acquire(&Request{Tenant: &tenant.Tenant{Schema: schema}}), busy: true}
	}
	long := func() *channel.Message {
		m, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: strings.Repeat("x", 1<<20)})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var all []*Consumer
	for range 20 {
		all = append(all, busy("acme"))
	}
	toAll := long()
	for _, c := range all {
		if !c.Receive(toAll) {
			t.Fatal("a message to many members was not accepted")
		}
	}
	owner, accepted := all[0].endpoint.owner, 0
	if got := owner.waiting.Load(); got != int64(toAll.Len()) {
		t.Errorf("%d bytes wait, expected %d", got, toAll.Len())
	}
	for i := range 5 * len(all) {
		if all[i%len(all)].Receive(long()) {
			accepted++
		}
	}
	if want := maxWaitingBytes/toAll.Len() - 1; accepted != want {
		t.Errorf("%d messages were accepted, expected %d", accepted, want)
	}
	other := busy("bolt")
	if m := long(); !other.Receive(m) || !other.Receive(toAll) {
		t.Error("another tenant's message was not accepted")
	}
	for _, c := range all {
		c.Abandon()
	}
	other.Abandon()
	if a, b := owner.waiting.Load(), other.endpoint.owner.waiting.Load(); a != 0 || b != 0 {
		t.Errorf("%d and %d bytes still wait", a, b)
	}
}

// testSet returns a set without guests.
func testSet() *Set { return New(nil, slog.New(slog.DiscardHandler), 2) }
