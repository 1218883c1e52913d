package report

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/bench/sockets"
)

// socketTitle is what people call a websocket server.
func socketTitle(name string) string {
	for _, e := range sockets.Servers() {
		if e.Name == name {
			return e.Title
		}
	}
	return name
}

// socketColour marks ours and the baseline.
func socketColour(name string) int {
	switch {
	case name == sockets.Gobwas:
		return floor
	case strings.HasPrefix(name, "edge"):
		return ours
	}
	return other
}

// websockets tells what sockets hold and how fast messages are.
func (p *page) websockets() error {
	l := p.sockets
	if l == nil {
		return nil
	}
	p.printf("\n## Websockets\n\nText of 64 bytes; servers are processes of their own, the client runs on the same %s cores. ", l.config["cores"])
	p.printf("Idle sockets are in a group; what they hold is the server's own memory, without the kernel's. Round trips: 100 sockets, one message under way on each.\n\n")
	columns := []struct{ title, name, unit string }{
		{"idle socket", "Idle/server=%s", "bytes/socket"},
		{"TLS", "IdleTLS/server=%s", "bytes/socket"},
		{"round trips/s", "Echo/server=%s", "messages/s"},
		{"to 1,000, one under way", "FanOut/server=%s/members=1000/outstanding=1", "messages/s"},
		{"16 under way", "FanOut/server=%s/members=1000/outstanding=16", "messages/s"},
		{"to 10,000, one under way", "FanOut/server=%s/members=10000/outstanding=1", "messages/s"},
		{"16 under way", "FanOut/server=%s/members=10000/outstanding=16", "messages/s"},
	}
	p.printf("| |")
	for _, c := range columns {
		p.printf(" %s |", c.title)
	}
	p.printf("\n| ---%s |\n", strings.Repeat(" | --:", len(columns)))
	var bars []bar
	for _, e := range sockets.Servers() {
		p.printf("| %s |", e.Title)
		for _, c := range columns {
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
		if f, ok := l.figure(fmt.Sprintf(columns[0].name, e.Name), columns[0].unit); ok {
			bars = append(bars, bar{socketTitle(e.Name), f, count(f.median) + " bytes", socketColour(e.Name)})
		}
	}
	p.printf("\nIn parentheses: times that of %s.\n", socketTitle(sockets.Gobwas))
	if len(bars) == 0 {
		return nil
	}
	return p.plot("sockets.svg", "memory of an idle socket", barChart("What an idle websocket holds", "bytes of the server's own memory; logarithmic scale; shorter is better", bars, true, count))
}
