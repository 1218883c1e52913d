//go:build race

package sockets

// raced means that the race detector is on, under which pools drop values at
// random.
const raced = true
