//go:build !long

package server

// largeFile is the size of the file in TestALargeFileToManyClientsTakesNoMemory.
const largeFile = 32 << 20
