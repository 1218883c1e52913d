package hostfuncs

import "time"

// Tape sees what differs from call to call of a guest: the clock, random numbers and
// sleep. One that records returns what it is given; one that replays a recorded call
// returns what was recorded. What [Services] answers differs too; a tape for that is up
// to the Services.
type Tape interface {
	// Time returns what the guest reads from a clock, in nanoseconds; ns is what the
	// clock shows.
	Time(clock Clock, ns int64) int64
	// Random may replace the random bytes b before the guest gets them. They are valid
	// until it returns.
	Random(b []byte)
	// Sleep reports whether d passed before the call's deadline. wait waits, and reports
	// that.
	Sleep(d time.Duration, wait func(d time.Duration) bool) bool
}

// Clock is a clock that guests read.
type Clock int

// The clocks.
const (
	Wall      Clock = iota // nanoseconds since 1970
	Monotonic              // nanoseconds since an arbitrary time
)
