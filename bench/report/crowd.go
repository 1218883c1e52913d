package report

import "fmt"

// crowdTitles are what people call the sockets of a crowd.
var crowdTitles = map[string]string{
	"handler": "a handler in Go", "handler-in-a-group": "a handler in Go, in a group",
	"consumer-in-a-group": "a consumer in the guest, in a group", "handler-TLS": "a handler in Go, over TLS 1.3",
	"many-servers": "a handler in Go, several servers at the same time",
}

// crowds tells what as many websockets cost as one process, and the machine in
// several, is to hold.
func (p *page) crowds() error {
	l := p.crowd
	if l == nil {
		return nil
	}
	p.printf("\n## A crowd of idle websockets\n\nServers and clients are processes of their own, none of which may open more than 20,000 files. What a socket holds is the server's own memory after a collection, with the state of tenants and groups, without the kernel's.\n\n")
	p.printf("| | sockets | bytes/socket | seconds to open them | most files of a server |\n| --- | --: | --: | --: | --: |\n")
	for _, name := range l.names {
		p.printf("| %s |", crowdTitles[part(name, "of")])
		for _, unit := range []string{"sockets", "bytes/socket", "s-to-open", "files"} {
			f, _ := l.figure(name, unit)
			p.printf(" %s |", count(f.median))
		}
		p.printf("\n")
	}
	if all, ok := l.figure("Crowd/of=many-servers", "s-open"); ok {
		p.printf("\nOf the servers at the same time, each socket was asked for an echo when all were open, and then closed: for that the machine held all of them for %s s.\n", count(all.median))
	}
	return nil
}

// crowdMarks holds the crowd against what an idle socket may hold.
func (p *page) crowdMarks() (all []mark) {
	for _, m := range []struct {
		of   string
		most float64
	}{{"handler-in-a-group", 600}, {"consumer-in-a-group", 600}, {"handler-TLS", 9 << 10}} {
		if f, ok := p.crowd.figure("Crowd/of="+m.of, "bytes/socket"); ok {
			all = append(all, mark{"memory of an idle websocket: " + crowdTitles[m.of], fmt.Sprintf("≤ %s bytes", count(m.most)), count(f.median) + " bytes", f.median <= m.most, true})
		}
	}
	if f, ok := p.crowd.figure("Crowd/of=many-servers", "s-open"); ok {
		sockets, _ := p.crowd.figure("Crowd/of=many-servers", "sockets")
		all = append(all, mark{"websockets on one machine", "200,000, for at most 60 s", fmt.Sprintf("%s, all open for %s s", count(sockets.median), count(f.median)), sockets.median >= 200_000 && f.median <= 60, true})
	}
	return all
}
