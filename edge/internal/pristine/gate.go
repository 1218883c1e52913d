package pristine

// moved compares two fault counts of a thread. A negative one is unknown.
func moved(before, after int64) Cause {
	if before < 0 || before != after {
		return Faults
	}
	return NotSearched
}
