package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/tenantedge/tenantedge/bench/sockets"
)

// socketTitle returns the title of a websocket server, or its name if it is
// unknown.
func socketTitle(name string) string {
	for _, e := range sockets.Servers() {
		if e.Name == name {
			return e.Title
		}
	}
	return name
}

// socketColour returns the colour of a server: the baseline and ours have their
// own.
func socketColour(name string) int {
	switch {
	case name == sockets.Gobwas:
		return floor
	case strings.HasPrefix(name, "edge"):
		return ours
	}
	return other
}

// socketColumns are the columns of the table of websocket servers.
var socketColumns = []struct{ title, name, unit string }{
	{"bytes per idle socket", "Idle/server=%s", "bytes/socket"},
	{"with TLS", "IdleTLS/server=%s", "bytes/socket"},
	{"round trips/s", "Echo/server=%s", "messages/s"},
	{"to 1,000 members, 1 outstanding", "FanOut/server=%s/members=1000/outstanding=1", "messages/s"},
	{"16 outstanding", "FanOut/server=%s/members=1000/outstanding=16", "messages/s"},
	{"to 10,000 members, 1 outstanding", "FanOut/server=%s/members=10000/outstanding=1", "messages/s"},
	{"16 outstanding", "FanOut/server=%s/members=10000/outstanding=16", "messages/s"},
}

// websockets writes the section about the memory of sockets and the rate of
// messages.
func (p *page) websockets() error {
	l := p.sockets
	if l == nil {
		return nil
	}
	p.printf("\n## Websockets\n\nText messages of 64 bytes; each server is a separate process, and the client shares its %s cores. ", l.config["cores"])
	p.printf("Idle sockets are members of a group; their bytes are the server's anonymous memory, without memory in the kernel. Round trips use 100 sockets with one message outstanding on each.\n\n")
	p.printf("| |")
	for _, c := range socketColumns {
		p.printf(" %s |", c.title)
	}
	p.printf("\n| ---%s |\n", strings.Repeat(" | --:", len(socketColumns)))
	var bars []bar
	for _, e := range sockets.Servers() {
		p.printf("| %s |", e.Title)
		for _, c := range socketColumns {
			f, ok := l.figure(fmt.Sprintf(c.name, e.Name), c.unit)
			base, compared := l.figure(fmt.Sprintf(c.name, sockets.Gobwas), c.unit)
			switch {
			case !ok:
				p.printf(" – |")
			case !compared:
				p.printf(" %s |", count(f.median))
			default:
				p.printf(" %s (%s) |", count(f.median), times(f.median/base.median))
			}
		}
		p.printf("\n")
		if f, ok := l.figure(fmt.Sprintf(socketColumns[0].name, e.Name), socketColumns[0].unit); ok {
			bars = append(bars, bar{socketTitle(e.Name), f, count(f.median) + " bytes", socketColour(e.Name)})
		}
	}
	p.printf("\nIn parentheses: relative to %s.\n", socketTitle(sockets.Gobwas))
	if len(bars) == 0 {
		return nil
	}
	return p.plot("sockets.svg", "memory of an idle socket", barChart("Memory of an idle websocket", "bytes of the server's anonymous memory; logarithmic scale; shorter is better", bars, true, count))
}

// socketGoals compares the relay of websockets with its goal.
func (p *page) socketGoals() []goal {
	ratio := at(p.sockets, "Echo/server="+sockets.Relay, "messages/s") / at(p.sockets, "Echo/server="+sockets.Gobwas, "messages/s")
	if math.IsNaN(ratio) {
		return nil
	}
	return []goal{{"round trips of websockets relative to gobwas/ws: " + socketTitle(sockets.Relay), "≥ 0.8×", times(ratio), ratio >= 0.8, true}}
}
