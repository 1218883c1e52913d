package hostfuncs

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// maxRandom is the most that one call of random may request, in bytes, and how
// much random_get draws between two checks of the Watch.
const maxRandom = 64 << 10

// frozenTime is the fixed clock's start: 2020-01-01 UTC.
var frozenTime = time.Unix(1577836800, 0)

// processStart is the origin of the guests' monotonic clock.
var processStart = time.Now()

// now returns the guest's time in nanoseconds since 1970.
func (c *Call) now() int64 {
	ns := c.FixedTime
	switch {
	case c.Frozen:
		ns = frozenTime.Add(c.Slept).UnixNano()
	case ns == 0:
		ns = time.Now().UnixNano()
	}
	if c.Tape != nil {
		ns = c.Tape.Time(Wall, ns)
	}
	return ns
}

// monotonic returns the guest's monotonic time. It starts after the time that the
// guest slept while its image was built, so it does not go back in a request.
func (c *Call) monotonic() time.Duration {
	now := time.Second + c.Slept // a Go guest treats zero as a broken clock
	if !c.fixedSources() {
		now += time.Since(processStart)
	}
	if c.Tape != nil {
		now = time.Duration(c.Tape.Time(Monotonic, int64(now)))
	}
	return now
}

// fixedSources reports whether the guest's clock and random numbers are not those
// of the system.
func (c *Call) fixedSources() bool { return c.Frozen || c.FixedTime != 0 }

// fill fills b with random bytes: from the system during requests, which cannot
// fail, and from a fixed sequence while the image is built and with FixedTime.
func (c *Call) fill(b []byte) {
	if c.Tape != nil {
		defer c.Tape.Random(b)
	}
	if !c.fixedSources() {
		for len(b) > 0 {
			part := b[:min(len(b), maxRandom)]
			_, _ = cryptorand.Read(part)
			c.worked()
			c.charge(uint64(len(part)) * costByte)
			b = b[len(part):]
		}
		return
	}
	c.charge(uint64(len(b)) * costByte)
	for len(b) > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], c.fixed())
		b = b[copy(b, word[:]):]
	}
}

// fixed returns the next word of splitmix64 (Steele, Lea and Flood, 2014), seed 0.
func (c *Call) fixed() uint64 {
	c.draws += 0x9e3779b97f4a7c15
	z := c.draws
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func clock(c *Call, _ memory, s []uint64) { s[0] = uint64(c.now()) }

func random(c *Call, m memory, s []uint64) {
	if uint32(s[1]) > maxRandom {
		s[0] = uint64(abi.Limit)
		return
	}
	out, ok := m.output(uint32(s[0]), uint32(s[1]))
	if !ok {
		s[0] = uint64(abi.Fault)
		return
	}
	c.fill(out)
	s[0] = uint64(abi.OK)
}
