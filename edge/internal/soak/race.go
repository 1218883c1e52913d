//go:build race

package soak

// slow is how much longer things take: the race detector slows guests' engines
// down a lot.
const slow = 8
