package hostfuncs

// What host functions cost, in units of fuel beside what a call of an import
// costs: a unit stands for about 0.3 ns of the host's time, as it does for a
// guest's own code, and never for more than 50 ns, so that a slice of 20,000
// units ends within 1 ms. BenchmarkWorstArguments measures it. The figures are
// part of the unit of fuel: they depend on arguments alone, never on time.
const (
	costTrivial = 200 // a few stores
	costClock   = 300
	costLookup  = 1_000  // of the directory
	costRecord  = 10_000 // of the log
	costWait    = 20_000 // database, files: calls that wait use the processor too

	costByte   = 4 // of an argument, of randomness, of a file
	costRandom = 500
)
