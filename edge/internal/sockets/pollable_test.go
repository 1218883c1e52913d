package sockets

import "runtime"

// pollable reports whether connections can be held without a goroutine here.
const pollable = runtime.GOOS == "linux"
