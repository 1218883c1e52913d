package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/web"
)

// rivalTitle returns the title of a rival, or its name if it is unknown.
func rivalTitle(name string) string {
	for _, e := range rivals.All() {
		if e.Name == name {
			return e.Title
		}
	}
	return name
}

// serverTitle returns the title of a server, or its name if it is unknown.
func serverTitle(name string) string {
	for _, e := range web.Servers() {
		if e.Name == name {
			return e.Title
		}
	}
	return name
}

// colourOf returns the colour of a rival: the baseline and ours have their own.
func colourOf(name string) int {
	switch name {
	case rivals.Native:
		return floor
	case rivals.Edge:
		return ours
	}
	return other
}

const (
	nativeRoute = "Route/rival=" + rivals.Native
	edgeRoute   = "Route/rival=" + rivals.Edge

	unresetRoute = "Route/rival=" + rivals.Unreset
	// Cases of an older commit.
	baseEdge    = "Base/rival=" + rivals.Edge
	baseUnreset = "Base/rival=" + rivals.Unreset
)

// rivals writes the section that compares all rivals.
func (p *page) rivals() error {
	l := p.route
	native, _ := l.figure(nativeRoute, "ns/op")
	edge, _ := l.figure(edgeRoute, "ns/op")
	p.printf("\n## Rivals\n\nOne goroutine routes requests for the tenants of %s domains.\n\n", l.config["domains"])
	p.printf("| | per request | spread | above native | relative to ours | allocations | bytes |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	var bars []bar
	for _, name := range l.names {
		if !strings.HasPrefix(name, "Route/") { // that of an older commit
			continue
		}
		f, _ := l.figure(name, "ns/op")
		allocs, _ := l.figure(name, "allocs/op")
		bytes, _ := l.figure(name, "B/op")
		rival := part(name, "rival")
		p.printf("| %s | %s | %s | %s | %s | %s | %s |\n", rivalTitle(rival), nanoseconds(f.median), f.spreadOf(),
			nanoseconds(f.median-native.median), times(f.median/edge.median), count(allocs.median), count(bytes.median))
		bars = append(bars, bar{rivalTitle(rival), f, nanoseconds(f.median) + ", " + times(f.median/native.median) + " native", colourOf(rival)})
		if rival != rivals.Native && rival != rivals.Edge && f.median < edge.median && l.differ(name, edgeRoute, "ns/op") {
			p.losses = append(p.losses, fmt.Sprintf("Routing: %s takes %s per request, tenantedge %s (%s).", rivalTitle(rival), nanoseconds(f.median), nanoseconds(edge.median), times(edge.median/f.median)))
		}
	}
	if over, reset := p.sinceBase(); !math.IsNaN(over) {
		p.printf("\nCompared with commit %s, whose benchmark ran in each round too: the cost above native is %s, that of the reset without the marks %s.\n", l.config["base"], times(over), times(reset))
	}
	return p.plot("rivals.svg", "time of a routed request by rival", barChart("Time of a routed request", "median and its confidence interval; logarithmic scale; shorter is better", bars, true, nanoseconds))
}

// phases writes the section about the parts of a routed request. Parts that were
// not measured are differences of those that were.
func (p *page) phases() error {
	l := p.phase
	if l == nil {
		return nil
	}
	get := func(part string) float64 { f, _ := l.figure("Phase/part="+part, "ns/op"); return f.median }
	directory := get("directory")
	changed, _ := l.figure("Phase/part=instance", "changed-pages/op")
	fuel, _ := l.figure("Phase/part="+rivals.Edge, "fuel/op")
	allocs, _ := l.figure("Phase/part="+rivals.Edge, "allocs/op")
	// The default guest gets the lookup with the request and makes no host call.
	// The rest of a call without reset is its logic, with checks, metering and marks.
	around := []segment{
		{"write the request, read the decision", get("write") + get("read"), third},
		{"enter and leave the guest", get("enter"), fourth},
		{"lookup in the directory", directory, floor},
		{"borrow and return an instance", get(rivals.Pooled) - get("instance"), sixth},
	}
	inside := get(rivals.Unreset)
	for _, s := range around {
		inside -= max(s.value, 0)
	}
	segments := append(around,
		segment{"the guest's own logic, with checks, metering and marks of what it writes", inside, other},
		segment{"reset to the image", get(rivals.Edge) - get(rivals.Unreset), ours})
	plain := get("instance") - get("write") - get("read") - get("lookup") // the logic in plain wazero
	for i := range segments {                                             // a difference of two noisy figures
		segments[i].value = max(segments[i].value, 0)
	}
	native := get(rivals.Native)
	p.printf("\n## By phase\n\nSome parts were measured separately; the others are differences, so small values are within the noise. ")
	p.printf("The logic without the directory takes %s natively and %s in Wasm: %s. A host call costs %s; the default guest makes none, since the host sends the lookup along. A warm request uses %s fuel, changes %s pages of 4 KiB of the guest's memory and allocates %s times on the host.\n\n",
		nanoseconds(native-directory), nanoseconds(plain), times(plain/(native-directory)), nanoseconds(get("lookup")-get("enter")-directory), count(fuel.median), count(changed.median), count(allocs.median))
	p.printf("| phase | time | share |\n| --- | --: | --: |\n")
	sum := 0.0
	for _, s := range segments {
		sum += s.value
	}
	for _, s := range segments {
		p.printf("| %s | %s | %.0f %% |\n", s.label, nanoseconds(s.value), 100*s.value/sum)
	}
	return p.plot("phases.svg", "time of a routed request by phase", stackChart("Where the time of a routed request goes", "medians; some parts are differences",
		[]string{"native", "tenantedge"}, [][]segment{{{"directory", directory, floor}, {"logic", native - directory, other}}, segments}, nanoseconds))
}

// overHTTP writes the section about HTTP servers.
func (p *page) overHTTP() error {
	l := p.http
	if l == nil {
		return nil
	}
	p.printf("\n## Over HTTP\n\n%s keep-alive connections on the loopback interface; client and server share %s cores; each server is a separate process.\n\n", l.config["connections"], l.config["cores"])
	p.printf("| | requests/s | spread | relative to native | p50 | p99 | processor time per request | requests per processor second | relative to native |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	native, edge := "HTTP/server="+rivals.Native, "HTTP/server="+rivals.Edge
	nativeRate, _ := l.figure(native, "req/s")
	nativeCPU, _ := l.figure(native, "cpu-ns/op")
	var bars []bar
	for _, name := range l.names {
		rate, _ := l.figure(name, "req/s")
		p50, _ := l.figure(name, "p50-ns")
		p99, _ := l.figure(name, "p99-ns")
		cpu, hasCPU := l.figure(name, "cpu-ns/op")
		server := part(name, "server")
		p.printf("| %s | %s | %s | %s | %s | %s |", serverTitle(server), count(rate.median), rate.spreadOf(), times(rate.median/nativeRate.median), nanoseconds(p50.median), nanoseconds(p99.median))
		if !hasCPU {
			p.printf(" | | |\n")
			continue
		}
		perSecond := figure{1e9 / cpu.median, 1e9 / cpu.high, 1e9 / cpu.low}
		p.printf(" %s | %s | %s |\n", nanoseconds(cpu.median), count(perSecond.median), times(nativeCPU.median/cpu.median))
		bars = append(bars, bar{serverTitle(server), perSecond, count(perSecond.median) + ", " + times(nativeCPU.median/cpu.median) + " native", colourOf(server)})
		if ourCPU, ok := l.figure(edge, "cpu-ns/op"); ok && server != rivals.Native && cpu.median < ourCPU.median && l.differ(name, edge, "cpu-ns/op") {
			p.losses = append(p.losses, fmt.Sprintf("Over HTTP: %s uses %s of processor time per request, tenantedge %s (%s).", serverTitle(server), nanoseconds(cpu.median), nanoseconds(ourCPU.median), times(ourCPU.median/cpu.median)))
		}
	}
	if len(bars) == 0 {
		return nil
	}
	return p.plot("http.svg", "requests per second of processor time", barChart("Requests per second of processor time, over HTTP", "median and its confidence interval; longer is better", bars, false, count))
}

// concurrency writes the section about several goroutines.
func (p *page) concurrency() error {
	l := p.concurrent
	if l == nil {
		return nil
	}
	p.printf("\n## Concurrency\n\nThroughput on several goroutines, relative to the same rival on one; the machine has %s cores.\n\n", l.config["cores"])
	curves := p.curves(l, "rival", "goroutines", func(c *curve) {
		one := c.y[0].median
		for i, f := range c.y {
			c.y[i] = figure{one / f.median, one / f.high, one / f.low}
		}
	})
	p.table(curves, "goroutines", func(f figure) string { return times(f.median) })
	return p.plot("concurrent.svg", "throughput by goroutines", lines{
		title: "Throughput on several goroutines", note: "relative to one goroutine; medians and their confidence intervals",
		logX: true, xUnit: count, yUnit: times, xTitle: "goroutines",
	}.draw(curves))
}

// bySize writes the section about the number of domains.
func (p *page) bySize() error {
	l := p.scale
	if l == nil {
		return nil
	}
	p.printf("\n## From one domain to a million\n\nThe hosts of the requests are random, so lookups in a large directory miss the processor's caches.\n\n")
	curves := p.curves(l, "rival", "domains", func(*curve) {})
	p.table(curves, "domains", func(f figure) string { return nanoseconds(f.median) })
	for _, c := range curves {
		few, many := slices.Index(c.x, 1000), slices.Index(c.x, 1_000_000)
		if few >= 0 && many >= 0 {
			p.printf("\nWith 1,000,000 domains instead of 1,000, %s takes %s the time.\n", c.label, times(c.y[many].median/c.y[few].median))
		}
	}
	return p.plot("scale.svg", "time by number of domains", lines{
		title: "Time of a request by the number of domains", note: "medians and their confidence intervals; logarithmic scales",
		logX: true, logY: true, xUnit: count, yUnit: nanoseconds, xTitle: "domains in the directory",
	}.draw(curves))
}

// curves returns one curve for each value of the key by in the names of the
// benchmarks, with the key along as x. It applies change to each curve.
func (p *page) curves(l *log, by, along string, change func(*curve)) []curve {
	var names []string
	grouped := map[string]*curve{}
	for _, name := range l.names {
		key := part(name, by)
		x, err := strconv.ParseFloat(part(name, along), 64)
		f, ok := l.figure(name, "ns/op")
		if err != nil || !ok {
			continue
		}
		if grouped[key] == nil {
			names = append(names, key)
			label := rivalTitle(key)
			if key == "lookup" {
				label = "the lookup only"
			}
			grouped[key] = &curve{label: label, colour: colourOf(key)}
		}
		c := grouped[key]
		c.x, c.y = append(c.x, x), append(c.y, f)
	}
	var all []curve
	next := other
	for _, name := range names {
		c := grouped[name]
		change(c)
		if c.colour == other {
			c.colour = next
			next++
		}
		all = append(all, *c)
	}
	return all
}

// table writes a table with a column for each curve.
func (p *page) table(curves []curve, along string, value func(figure) string) {
	p.printf("| %s |", along)
	for _, c := range curves {
		p.printf(" %s |", c.label)
	}
	p.printf("\n| --: |")
	for range curves {
		p.printf(" --: |")
	}
	for i, x := range curves[0].x {
		p.printf("\n| %s |", count(x))
		for _, c := range curves {
			if j := slices.Index(c.x, x); j >= 0 && i < len(c.y) {
				p.printf(" %s |", value(c.y[j]))
			}
		}
	}
	p.printf("\n")
}

// at returns the median of a benchmark, NaN if it was not run.
func at(l *log, name, unit string) float64 {
	f, ok := l.figure(name, unit)
	if !ok {
		return math.NaN()
	}
	return f.median
}
