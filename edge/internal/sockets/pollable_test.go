package sockets

import "runtime"

// pollable reports whether this system supports connections without a
// goroutine.
const pollable = runtime.GOOS == "linux"
