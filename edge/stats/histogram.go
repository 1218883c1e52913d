package stats

// Histogram counts values in buckets. Bucket n has the values up to Bounds[n] that
// exceed Bounds[n-1]; the last bucket has those that exceed all bounds.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // ascending
	Counts []uint64  `json:"counts"` // one more than Bounds
	Sum    float64   `json:"sum"`    // of all values
}
