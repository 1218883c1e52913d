package report

// countedTitles names the parts in the suite of instruction counts.
var countedTitles = []struct{ title, of, without string }{
	{"the same logic, native", "native", ""},
	{"a routed request", "edge", ""},
	{"of that, reset to the image", "edge", "edge-unreset"},
}

// instructionCounts writes the section about the instructions on amd64 and arm64.
func (p *page) instructionCounts() error {
	l := p.instructions
	if l == nil || len(l.names) == 0 {
		return nil
	}
	counted := func(arch, rival string) float64 { return at(l, "Instructions/arch="+arch+"/rival="+rival, "insns/op") }
	p.printf("\n## On arm64\n\nNo arm64 machine was available: a plugin for qemu's user-mode emulation counted the instructions of the same program on both architectures, on the thread that routes. ")
	p.printf("One instruction takes a different time on each machine, and system calls count as one; so compare the ratios of a column.\n\n")
	p.printf("| instructions per request | amd64 | relative to native | arm64 | relative to native |\n| --- | --: | --: | --: | --: |\n")
	for _, c := range countedTitles {
		p.printf("| %s |", c.title)
		for _, arch := range []string{"amd64", "arm64"} {
			n := counted(arch, c.of)
			if c.without != "" {
				n -= counted(arch, c.without)
			}
			p.printf(" %s | %s |", count(n), times(n/counted(arch, "native")))
		}
		p.printf("\n")
	}
	return nil
}
