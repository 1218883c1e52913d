//go:build !linux

package pristine

// Other systems have no private mapping of a file in memory.
func freeze(content []byte) (source, error) { return newHeapCopy(content), nil }

func newSpace(max int) (space, error) { return &heapSpace{max: max}, nil }
