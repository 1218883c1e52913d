package hostfuncs

// Costs of host functions in units of fuel, added to the cost of calling an
// import. As in guest code, a unit is about 0.3 ns of processor time. It is never
// more than 50 ns, so that a slice of 20,000 units ends within 1 ms.
// BenchmarkWorstArguments measures both. A cost depends only on the arguments and
// the answer, never on elapsed time.
const (
	costTrivial = 200 // a few stores
	costClock   = 300
	costLookup  = 1_000  // a directory lookup
	costRecord  = 10_000 // a log line
	costWait    = 20_000 // databases, files, sleep: waiting uses the processor too

	costByte   = 4 // per byte of an argument, of randomness or of a file
	costRandom = 500
)
