package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// TestAConsumerGetsLongMessagesCompletely checks that a message that does not fit the
// buffer of requests gets its own buffer, and that the next finds the guest reset.
func TestAConsumerGetsLongMessagesCompletely(t *testing.T) {
	w := newConsumerWorld(t, wasmtest.Guest(t, "guest/examples/echo"), func(c *Config) {
		c.Limits.Deadline = time.Minute // for a busy machine
		c.Limits.Audit = 1              // to find remains of a long message
	})
	for _, size := range []int{64 << 10, 64<<10 + 16, 128 << 10, 1 << 20, 16 << 20} {
		v := w.visit(t, "acme")
		long := strings.Repeat("0123456789abcdef", size/16)
		v.sends(t, long)
		v.receives(t, long)
		v.sends(t, "short")
		v.receives(t, "short")
	}
	if s := w.host.consumers.Stats(); s.Failures != 0 || w.log.String() != "" {
		t.Errorf("counted %+v, logged %s", s, w.log)
	}
}

// TestAMessageThatTheGuestHasNoRoomForIsTooBig checks that a message for which the
// guest has no memory closes the websocket with 1009, whether the host or the guest
// finds that out.
func TestAMessageThatTheGuestHasNoRoomForIsTooBig(t *testing.T) {
	w := newConsumerWorld(t, wasmtest.Guest(t, "guest/examples/echo"), func(c *Config) {
		c.Limits.Memory = 16 << 20
		c.Limits.Deadline = time.Minute
	})
	for _, size := range []int{15 << 20, 17 << 20} {
		v := w.visit(t, "acme")
		v.sends(t, strings.Repeat("x", size))
		v.isClosed(t, sockets.CodeTooBig, "")
	}
	v := w.visit(t, "acme")
	v.sends(t, "still here")
	v.receives(t, "still here")
}
