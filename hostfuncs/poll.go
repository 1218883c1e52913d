package hostfuncs

import (
	"encoding/binary"
	"math"
	"time"
)

// Sizes, tags and flags of poll_oneoff, from the specification at wasiModule.
const (
	subscriptionSize = 48
	eventSize        = 32

	tagClock = 0
	tagRead  = 1
	tagWrite = 2

	clockAbsolute = 1

	maxSubscriptions = 64
)

// maxSlept is how far sleeping may advance the fixed clock: 146 years.
const maxSlept = time.Duration(1 << 62)

// subscription is one event that a guest waits for.
type subscription struct {
	userdata uint64
	tag      uint8
	left     time.Duration // until the event is due
	errno    uint16
}

// wasiPoll waits until the first event is due, and reports the events due at that
// time. Go guests call it when all of their goroutines sleep, C guests in sleep.
// Which events it reports depends only on the subscriptions, not on how long the
// wait took.
func wasiPoll(c *Call, m memory, s []uint64) {
	in, out, count, result := uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3])
	if count == 0 || count > maxSubscriptions {
		s[0] = wasiInval
		return
	}
	c.charge(uint64(count) * costTrivial)
	subs, ok1 := m.bytes(in, count*subscriptionSize)
	_, ok2 := m.bytes(out, count*eventSize)
	if _, ok3 := m.bytes(result, 4); !ok1 || !ok2 || !ok3 {
		s[0] = wasiFault
		return
	}
	var all [maxSubscriptions]subscription
	wait := time.Duration(math.MaxInt64)
	for i := range all[:count] {
		all[i] = c.subscription(subs[i*subscriptionSize:])
		wait = min(wait, all[i].left)
	}
	if !c.sleep(wait) {
		s[0] = wasiIntr
		return
	}
	// The guest has not run since the check above, so the memory is the same.
	events, _ := m.output(out, count*eventSize)
	due := uint32(0)
	for _, sub := range all[:count] {
		if sub.left > wait {
			continue
		}
		event := events[due*eventSize:][:eventSize]
		clear(event)
		binary.LittleEndian.PutUint64(event, sub.userdata)
		binary.LittleEndian.PutUint16(event[8:], sub.errno)
		event[10] = sub.tag
		due++
	}
	m.putUint32(result, due)
	s[0] = wasiOK
}

// subscription parses the subscription at the start of b. An invalid one, and one
// for output, is due at once.
func (c *Call) subscription(b []byte) subscription {
	sub := subscription{userdata: binary.LittleEndian.Uint64(b), tag: b[8]}
	id := binary.LittleEndian.Uint32(b[16:]) // clock id or file descriptor
	switch {
	case sub.tag == tagWrite && (id == stdout || id == stderr):
	case sub.tag == tagRead || sub.tag == tagWrite:
		sub.errno = wasiBadf
	case sub.tag != tagClock || id != clockReal && id != clockMono:
		sub.errno = wasiInval
	default:
		sub.left = c.left(id, binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint16(b[40:])&clockAbsolute != 0)
	}
	return sub
}

// left returns the duration until timeout, which is a time of the clock id if
// absolute is set, else a duration.
func (c *Call) left(id uint32, timeout uint64, absolute bool) time.Duration {
	until := time.Duration(min(timeout, math.MaxInt64))
	if !absolute {
		return until
	}
	now := c.monotonic()
	if id == clockReal {
		now = time.Duration(c.now())
	}
	return max(0, until-now)
}

// sleep waits for d, and reports whether d passed before the call's deadline.
// While the image is built it advances the clock instead.
func (c *Call) sleep(d time.Duration) bool {
	switch {
	case d <= 0:
		return true
	case c.Frozen && d > maxSlept-c.Slept:
		return false
	case c.Frozen:
		c.Slept += d
		return true
	case c.Tape != nil:
		defer c.worked()
		return c.Tape.Sleep(d, c.wait)
	}
	defer c.worked()
	return c.wait(d)
}

// wait waits for d, and reports whether d passed before the call's deadline.
func (c *Call) wait(d time.Duration) bool {
	ctx, cancel := c.bounded()
	defer cancel()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
