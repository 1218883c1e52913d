package guest

// Bucket returns a number from 0 to n-1 that depends only on n and the parts, and
// on their order. It is the same in every process and for every version of a guest,
// so it can divide clients into groups: Bucket(100, "new-menu", client) < 5 is true
// for 5 % of the clients, and for other ones with another name of the experiment. A
// client that chooses a part can choose its group.
func Bucket(n int, parts ...string) int {
	// FNV-1a, and the finalizer of MurmurHash3, since the lower bits of FNV-1a
	// depend on few bits of the last bytes.
	h := uint64(14695981039346656037)
	for _, part := range parts {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
		h = (h ^ 0x100) * 1099511628211 // no byte: ends the part
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int(h % uint64(n))
}
