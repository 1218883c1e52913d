package replay

import (
	"math"
	"math/bits"
)

const (
	mantissa = 7 // bits; a percentile is at most 0.8 % too high
	buckets  = 64 << mantissa
)

// histogram counts numbers in buckets whose width grows with the numbers.
type histogram struct {
	n, sum, max uint64
	counts      [buckets]uint64
}

// Distribution describes a set of numbers. Percentiles are at most 0.8 % too high.
type Distribution struct {
	Mean float64 `json:"mean"`
	P50  uint64  `json:"p50"`
	P90  uint64  `json:"p90"`
	P99  uint64  `json:"p99"`
	P999 uint64  `json:"p99.9"`
	Max  uint64  `json:"max"`
}

// bucket returns the bucket of a number.
func bucket(v uint64) int {
	if v < 1<<mantissa {
		return int(v)
	}
	shift := bits.Len64(v) - mantissa - 1
	return (shift+1)<<mantissa + int(v>>shift) - 1<<mantissa
}

// highest returns the highest number of a bucket.
func highest(b int) uint64 {
	if b < 1<<mantissa {
		return uint64(b)
	}
	shift := b>>mantissa - 1
	return (uint64(b&(1<<mantissa-1))+1<<mantissa+1)<<shift - 1
}

func (h *histogram) add(v uint64) {
	h.n++
	h.sum += v
	h.max = max(h.max, v)
	h.counts[bucket(v)]++
}

func (h *histogram) merge(o *histogram) {
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
	for i, n := range o.counts {
		h.counts[i] += n
	}
}

func (h *histogram) distribution() Distribution {
	if h.n == 0 {
		return Distribution{}
	}
	d := Distribution{Mean: float64(h.sum) / float64(h.n), Max: h.max}
	for _, p := range []struct {
		to    *uint64
		share float64
	}{{&d.P50, 0.5}, {&d.P90, 0.9}, {&d.P99, 0.99}, {&d.P999, 0.999}} {
		rank, seen := uint64(math.Ceil(p.share*float64(h.n)))-1, uint64(0) // nearest rank, from 0
		for b, n := range h.counts {
			if seen += n; seen > rank {
				*p.to = min(highest(b), h.max)
				break
			}
		}
	}
	return d
}
