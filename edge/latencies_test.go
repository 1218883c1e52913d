package edge

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies is a histogram of durations with a resolution of a sixteenth. Its size
// does not depend on the number of requests.
type latencies struct {
	counts [64 * 16]atomic.Uint32
	most   atomic.Int64
}

func (l *latencies) add(d time.Duration) {
	l.counts[bucket(uint64(d))].Add(1)
	for {
		most := l.most.Load()
		if int64(d) <= most || l.most.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// bucket returns the index for n: its length in bits, and the four bits after the
// first.
func bucket(n uint64) int {
	length := bits.Len64(n)
	if length < 5 {
		return int(n)
	}
	return (length-4)<<4 | int(n>>(length-5)&15)
}

// mostOf returns the largest number of a bucket.
func mostOf(index int) uint64 {
	if index < 16 {
		return uint64(index)
	}
	shift := index>>4 - 1
	return uint64(16|index&15)<<shift | (1<<shift - 1)
}

// summary has percentiles of latencies, in microseconds.
type summary struct {
	Requests            uint64
	P50, P99, P999, Max float64
}

func (l *latencies) summary() summary {
	var s summary
	for i := range l.counts {
		s.Requests += uint64(l.counts[i].Load())
	}
	quantile := func(q float64) float64 {
		var sum uint64
		for i := range l.counts {
			if sum += uint64(l.counts[i].Load()); float64(sum) >= q*float64(s.Requests) && sum > 0 {
				return float64(mostOf(i)) / 1e3
			}
		}
		return 0
	}
	s.P50, s.P99, s.P999 = quantile(0.5), quantile(0.99), quantile(0.999)
	s.Max = float64(l.most.Load()) / 1e3
	return s
}
