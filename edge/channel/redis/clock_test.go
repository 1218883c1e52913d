//go:build unix

package redis

import (
	"testing"
	"time"
	"unsafe"

	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// setOn returns the result of time.Now after the system's clock was set: the
// wall time has changed, the monotonic time has not.
func setOn(t *testing.T, seconds int64) time.Time {
	now := time.Now()
	moved := now
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(seconds) << 30 // see type Time in package time
	if moved.Sub(now) != 0 || moved.Unix()-now.Unix() != seconds {
		t.Fatal("the representation of time.Time has changed: adapt this test")
	}
	return moved
}

func TestAnEdgeWhoseClockIsSetRemovesNothingOfOthers_G11(t *testing.T) {
	const day = 25 * 60 * 60
	config := Config{Hosts: []string{redistest.Start(t).URL()}}
	for name, seconds := range map[string]int64{"on": day, "back": -day} {
		t.Run(name, func(t *testing.T) {
			config := config
			config.Prefix = redistest.Prefix()
			right := channeltest.Scope(t, open(t, kinds[0].make, config), "acme")
			core := open(t, kinds[0].make, config).(*Core)
			set := channeltest.Scope(t, core, "acme")
			there, here := channeltest.Open(t, right, "chat"), channeltest.Open(t, set, "chat")
			say := func(from string) {
				t.Helper()
				s := right
				if from == "set" {
					s = set
				}
				channeltest.SendGroup(t, s, "chat", from)
				for _, m := range []channeltest.Member{there, here} {
					if got := m.Next(t); got != from {
						t.Errorf("got %q, expected %q", got, from)
					}
				}
			}
			say("right")
			say("set")
			core.clock.mu.Lock()
			core.clock.now = func() time.Time { return setOn(t, seconds) }
			core.clock.mu.Unlock()
			for range 3 {
				say("set")
				say("right")
			}
		})
	}
}
