package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/sockets"
)

// A process that may open 20,000 files holds crowdSockets; crowdServers of them
// hold manySockets on one machine, which they are given for a moment.
const (
	crowdSockets = 19_000
	crowdServers = 11
	manySockets  = 200_000
)

// openCrowd opens as many websockets as one process can hold, and as many as
// the machine is to hold in several. Clients are processes of their own.
func openCrowd(_ context.Context, _ *Options, out *opened) error {
	for _, c := range []struct {
		name, server, path string
		tls                bool
	}{
		{"handler", sockets.Handler, sockets.EchoPath, false},
		{"handler-in-a-group", sockets.Handler, sockets.GroupPath, false},
		{"consumer-in-a-group", sockets.Consumer, sockets.GroupPath, false},
		{"handler-TLS", sockets.Handler, sockets.EchoPath, true},
	} {
		e := entry(c.server)
		start := e.Start
		if c.tls {
			start = e.StartTLS
		}
		out.cases = append(out.cases, benchCase{name: "Crowd/of=" + c.name, own: func(ctx context.Context) (string, error) {
			return crowdCost(ctx, start, c.path)
		}})
	}
	out.cases = append(out.cases, benchCase{name: "Crowd/of=many-servers", own: manyServers, once: true})
	return nil
}

// entry is the server with a name.
func entry(name string) (found sockets.Entry) {
	for _, e := range sockets.Servers() {
		if e.Name == name {
			found = e
		}
	}
	return found
}

// crowdCost is what a socket holds in a server that holds crowdSockets.
func crowdCost(ctx context.Context, start func(context.Context) (*sockets.Server, error), path string) (line string, err error) {
	s, err := start(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	warm, err := sockets.Hold(ctx, s.Target, path, echoSockets) // they pay for what the rest share
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, warm.Close()) }()
	before, err := held(ctx, s)
	if err != nil {
		return "", err
	}
	n, began := crowdSockets-echoSockets, time.Now()
	crowd, err := sockets.Hold(ctx, s.Target, path, n)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	after, err := held(ctx, s)
	return fmt.Sprintf("1\t%10d sockets\t%10d bytes/socket\t%10.1f s-to-open\t%10d files", n, (after.Resident-before.Resident)/n, took.Seconds(), after.Files), errors.Join(err, crowd.Close())
}

// manyServers holds manySockets, and closes them again.
func manyServers(ctx context.Context) (line string, err error) {
	e := entry(sockets.Handler)
	var servers []*sockets.Server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
	}()
	empty := 0
	for range crowdServers {
		s, err := e.Start(ctx)
		if err != nil {
			return "", err
		}
		servers = append(servers, s)
		u, err := held(ctx, s)
		if err != nil {
			return "", err
		}
		empty += u.Resident
	}
	began := time.Now()
	clients, errs := make([]*process.Server, crowdServers), make([]error, crowdServers)
	var wait sync.WaitGroup
	for i, s := range servers {
		n := manySockets / crowdServers
		if i < manySockets%crowdServers {
			n++
		}
		t := s.Target
		t.Source = 2 * i // one address has ports for half of them
		wait.Go(func() { clients[i], errs[i] = sockets.Hold(ctx, t, sockets.EchoPath, n) })
	}
	wait.Wait()
	open := time.Now()
	full, fullest := 0, 0
	for i, s := range servers {
		if errs[i] != nil {
			continue
		}
		u, err := held(ctx, s)
		errs[i] = err
		full += u.Resident
		fullest = max(fullest, u.Files)
	}
	for i, c := range clients { // who says on leaving that each of its sockets was alive
		if c != nil {
			wait.Go(func() { errs[i] = errors.Join(errs[i], c.Close()) })
		}
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return fmt.Sprintf("1\t%10d sockets\t%10d bytes/socket\t%10.1f s-to-open\t%10.1f s-open\t%10d files", manySockets, (full-empty)/manySockets, open.Sub(began).Seconds(), time.Since(open).Seconds(), fullest), nil
}
