package consumer

import (
	"testing"
	"time"
	"unsafe"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Timers that fire while the websocket is busy queue one event.
func TestTimersThatFireMeanwhileAreOneEvent(t *testing.T) {
	set := testSet()
	c := &Consumer{endpoint: set.acquire(&Request{Tenant: &tenant.Tenant{Schema: "acme"}}), busy: true}
	defer c.Abandon()
	m, err := channel.NewMessage("chat.message")
	if err != nil || !c.Receive(m) {
		t.Fatalf("a message was not accepted: %v", err)
	}
	var before *alarm
	for range 300 {
		c.setTimer(time.Hour)
		set.mu.Lock()
		a := set.alarms[c]
		set.mu.Unlock()
		a.fire()
		if before != nil {
			before.fire() // fires although it was stopped
		}
		before = a
	}
	if c.waiting != 2 {
		t.Errorf("%d events wait, expected the message and one timer event", c.waiting)
	}
	if e := c.nextEvent(); e.message != m {
		t.Errorf("the first event is %+v, expected the message", e)
	}
	if e := c.nextEvent(); e.alarm == nil || !c.clearFired(e.alarm) || c.events != nil {
		t.Errorf("the last event is %+v, expected the event of the active timer", e)
	}
}

func TestASlowMemberMissesMessagesThatDoNotFit(t *testing.T) {
	set := testSet()
	c := &Consumer{endpoint: set.acquire(&Request{Tenant: &tenant.Tenant{Schema: "acme"}}), busy: true}
	m, err := channel.NewMessage("chat.message")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxWaiting + 5 {
		if accepted := c.Receive(m); accepted != (i < maxWaiting) {
			t.Fatalf("message %d was accepted: %v", i, accepted)
		}
	}
	c.Abandon()
	if !c.Receive(m) {
		t.Error("a closed member was reported as full")
	}
}

func TestAnIdleConsumerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Consumer{}); n > 64 {
		t.Errorf("a consumer has %d bytes, expected at most 64", n)
	}
}
