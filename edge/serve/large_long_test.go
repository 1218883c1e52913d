//go:build long

package serve

// largeFile is the size of the file in TestALargeFileToManyClientsTakesNoMemory:
// `make large` sends 50 GiB.
const largeFile = 1 << 30
