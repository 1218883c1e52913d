//go:build long

package server

// largeFile is the size of the file in TestALargeFileToManyClientsTakesNoMemory:
// `make large` sends 50 GiB.
const largeFile = 1 << 30
