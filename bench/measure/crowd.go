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

// One server process holds crowdSockets, below a limit of 20,000 open files.
// crowdServers processes together hold manySockets for a few seconds.
const (
	crowdSockets = 19_000
	crowdServers = 11
	manySockets  = 200_000
)

// openCrowd adds cases that open as many websockets as one server process can
// hold, and manySockets in several. The clients are separate processes.
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
	out.cases = append(out.cases, benchCase{name: "Crowd/of=many-servers", own: manyServers, rounds: 1})
	return nil
}

// entry returns the server of that name.
func entry(name string) (found sockets.Entry) {
	for _, e := range sockets.Servers() {
		if e.Name == name {
			found = e
		}
	}
	return found
}

// crowdCost measures the memory per socket in a server with crowdSockets.
func crowdCost(ctx context.Context, start func(context.Context) (*sockets.Server, error), path string) (line string, err error) {
	s, err := start(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	warm, err := sockets.Hold(ctx, s.Target, path, echoSockets) // the first sockets allocate what the others share
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, warm.Close()) }()
	before, err := resourcesOf(ctx, s)
	if err != nil {
		return "", err
	}
	n, began := crowdSockets-echoSockets, time.Now()
	crowd, err := sockets.Hold(ctx, s.Target, path, n)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	after, err := resourcesOf(ctx, s)
	return fmt.Sprintf("1\t%10d sockets\t%10d bytes/socket\t%10.1f s-to-open\t%10d files", n, (after.Resident-before.Resident)/n, took.Seconds(), after.Files), errors.Join(err, crowd.Close())
}

// manyServers opens manySockets in several servers, measures and closes them.
func manyServers(ctx context.Context) (line string, err error) {
	e := entry(sockets.Handler)
	var servers []*sockets.Server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
	}()
	for range crowdServers {
		s, err := e.Start(ctx)
		if err != nil {
			return "", err
		}
		servers = append(servers, s)
	}
	empty, _, err := totalUsage(ctx, servers)
	if err != nil {
		return "", err
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
		t.Source = 2 * i // the ports of one address suffice for half of a server's sockets
		wait.Go(func() { clients[i], errs[i] = sockets.Hold(ctx, t, sockets.EchoPath, n) })
	}
	wait.Wait()
	open := time.Now()
	full, fullest, err := totalUsage(ctx, servers)
	for i, c := range clients { // on closing, each client checks that all its sockets are alive
		if c != nil {
			wait.Go(func() { errs[i] = errors.Join(errs[i], c.Close()) })
		}
	}
	wait.Wait()
	if err := errors.Join(append(errs, err)...); err != nil {
		return "", err
	}
	return fmt.Sprintf("1\t%10d sockets\t%10d bytes/socket\t%10.1f s-to-open\t%10.1f s-open\t%10d files", manySockets, (full-empty)/manySockets, open.Sub(began).Seconds(), time.Since(open).Seconds(), fullest), nil
}

// totalUsage returns the sum of the memory of the servers, and the most files
// that one of them has open.
func totalUsage(ctx context.Context, servers []*sockets.Server) (resident, files int, err error) {
	for _, s := range servers {
		u, err := resourcesOf(ctx, s)
		if err != nil {
			return 0, 0, err
		}
		resident += u.Resident
		files = max(files, u.Files)
	}
	return resident, files, nil
}
