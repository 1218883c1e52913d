package redis

import "hash/crc32"

// shard returns which of n hosts a name belongs to, by the rule of
// channels_redis: the ring has 4096 places, of which each host has its share.
func shard(name string, n int) int {
	if n == 1 {
		return 0
	}
	place := crc32.ChecksumIEEE([]byte(name)) & 0xfff
	return int(float64(place) / (4096 / float64(n)))
}
