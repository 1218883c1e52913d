//go:build race

package edge

// raced is true under the race detector, where sync.Pool drops elements at random
// and compiling a guest takes minutes.
const raced = true
