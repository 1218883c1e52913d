package report

import "fmt"

// crowdTitles names the cases of the crowd suite in the report.
var crowdTitles = map[string]string{
	"handler": "a handler in Go", "handler-in-a-group": "a handler in Go, in a group",
	"consumer-in-a-group": "a consumer in the guest, in a group", "handler-TLS": "a handler in Go, over TLS 1.3",
	"many-servers": "a handler in Go, in several servers at once",
}

// crowds writes the section about the websockets that one process, and several
// processes on one machine, can hold.
func (p *page) crowds() error {
	l := p.crowd
	if l == nil {
		return nil
	}
	p.printf("\n## A crowd of idle websockets\n\nServers and clients are separate processes, limited to 20,000 open files each. Bytes per socket are the server's anonymous memory after a garbage collection, including tenants and groups, without memory in the kernel.\n\n")
	p.printf("| | sockets | bytes/socket | seconds to open | most open files of a server |\n| --- | --: | --: | --: | --: |\n")
	for _, name := range l.names {
		p.printf("| %s |", crowdTitles[part(name, "of")])
		for _, unit := range []string{"sockets", "bytes/socket", "s-to-open", "files"} {
			f, _ := l.figure(name, unit)
			p.printf(" %s |", count(f.median))
		}
		p.printf("\n")
	}
	if all, ok := l.figure("Crowd/of=many-servers", "s-open"); ok {
		p.printf("\nIn the last row, each socket echoed a message after all were open, and then closed. The machine held all of them for %s s.\n", count(all.median))
	}
	return nil
}

// crowdGoals compares the crowd suite with its goals.
func (p *page) crowdGoals() (all []goal) {
	for _, m := range []struct {
		of    string
		limit float64
	}{{"handler-in-a-group", 600}, {"consumer-in-a-group", 600}, {"handler-TLS", 9 << 10}} {
		if f, ok := p.crowd.figure("Crowd/of="+m.of, "bytes/socket"); ok {
			all = append(all, goal{"memory of an idle websocket: " + crowdTitles[m.of], fmt.Sprintf("≤ %s bytes", count(m.limit)), count(f.median) + " bytes", f.median <= m.limit, true})
		}
	}
	if f, ok := p.crowd.figure("Crowd/of=many-servers", "s-open"); ok {
		sockets, _ := p.crowd.figure("Crowd/of=many-servers", "sockets")
		all = append(all, goal{"websockets on one machine", "200,000, for at most 60 s", fmt.Sprintf("%s, all open for %s s", count(sockets.median), count(f.median)), sockets.median >= 200_000 && f.median <= 60, true})
	}
	return all
}
