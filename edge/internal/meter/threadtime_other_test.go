//go:build !linux

package meter_test

import "time"

var began = time.Now()

// threadTime is the time, since there is none of a thread.
func threadTime() time.Duration { return time.Since(began) }
