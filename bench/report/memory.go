package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/web"
)

// memoryTitle returns the title of a server in the memory suite.
func memoryTitle(name string) string {
	switch name {
	case web.EdgeProxy:
		return "tenantedge serve, one domain, guest from the cache"
	case web.EdgeProxy + "-cold":
		return "tenantedge serve, one domain, guest compiled at the start"
	}
	return proxyTitle(name)
}

// memoryUse writes the section about the memory of servers.
func (p *page) memoryUse() error {
	l := p.memory
	if l == nil {
		return nil
	}
	p.printf("\n## Memory\n\nThe servers of the section about proxies: at rest, %s after each started, then during %s of load. Resident memory includes mapped files; nginx is the sum of its processes, which share pages. ", l.config["rest-time"], l.config["load-time"])
	p.printf("In proportional memory (PSS) each shared page is divided by the number of its users. The peak is the largest resident size since the start.\n\n")
	p.printf("| | resident at rest | proportional | resident under load | proportional | peak |\n| --- | --: | --: | --: | --: | --: |\n")
	our := at(l, memoryCase(web.EdgeProxy), restBytes)
	for _, name := range l.names {
		p.printf("| %s |", memoryTitle(part(name, "server")))
		for _, unit := range []string{restBytes, "start-proportional-bytes", "load-resident-bytes", "load-proportional-bytes", "peak-resident-bytes"} {
			p.printf(" %s |", megabytes(at(l, name, unit)))
		}
		p.printf("\n")
		if theirs := at(l, name, restBytes); theirs < our && l.differ(name, memoryCase(web.EdgeProxy), restBytes) {
			p.losses = append(p.losses, fmt.Sprintf("Memory at rest: %s has %s, tenantedge %s (%s).", memoryTitle(part(name, "server")), megabytes(theirs), megabytes(our), times(our/theirs)))
		}
	}
	return nil
}

const restBytes = "start-resident-bytes"

func memoryCase(name string) string { return "Memory/server=" + name }

// megabytes formats a size in decimal megabytes.
func megabytes(bytes float64) string { return digits(bytes/1e6) + " MB" }

// memoryGoals compares the memory of our server after its start with the goal.
func (p *page) memoryGoals() (all []goal) {
	for _, name := range []string{web.EdgeProxy + "-cold", web.EdgeProxy} {
		if bytes := at(p.memory, memoryCase(name), restBytes); !math.IsNaN(bytes) {
			all = append(all, goal{"resident memory after the start: " + memoryTitle(name), "≤ 40 MB", megabytes(bytes), bytes <= 40e6, true})
		}
	}
	return all
}
