//go:build race

package edge

// raced: under the detector pools forget, and compiling takes minutes.
const raced = true
