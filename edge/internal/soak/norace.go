//go:build !race

package soak

const slow = 1
