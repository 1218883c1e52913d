//go:build !linux

package meter_test

import "time"

var began = time.Now()

// threadTime returns the wall time: there is no processor time of a thread.
func threadTime() time.Duration { return time.Since(began) }
