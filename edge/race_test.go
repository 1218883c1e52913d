//go:build race

package edge

// raced: the detector allocates on its own.
const raced = true
