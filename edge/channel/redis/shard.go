package redis

import "hash/crc32"

// shard returns which of n hosts a name belongs to, as channels_redis computes
// it: each host has an equal share of 4096 hash values.
func shard(name string, n int) int {
	if n == 1 {
		return 0
	}
	hash := crc32.ChecksumIEEE([]byte(name)) & 0xfff
	return int(float64(hash) / (4096 / float64(n)))
}
