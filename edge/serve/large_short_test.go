//go:build !long

package serve

// largeFile is the size of the file in TestALargeFileToManyClientsTakesNoMemory.
const largeFile = 32 << 20
