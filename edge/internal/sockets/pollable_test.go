package sockets

import "runtime"

// pollable tells whether connections can be held without a goroutine here.
func pollable(tls bool) bool { return runtime.GOOS == "linux" && !tls }
