//go:build !race

package sockets

const raced = false
