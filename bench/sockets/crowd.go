package sockets

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
)

// HoldCommand is the command with which the benchmark starts its own executable
// as clients that hold sockets: one process may not open enough files for all.
const HoldCommand = "hold-websockets"

// Handler and Consumer are the names of our own servers.
const (
	Handler  = edgeHandler
	Consumer = edgeConsumer
)

// Hold opens n sockets in a child process and returns when all are open. Sockets
// at EchoPath then have echoed a message. They echo another when the process is
// closed, and Close fails unless all of them do.
func Hold(ctx context.Context, t Target, path string, n int) (*process.Server, error) {
	c, end, err := process.Itself(ctx, HoldCommand, "-address", t.Address, "-host", t.Host, fmt.Sprintf("-tls=%v", t.TLS), "-source", fmt.Sprint(t.Source), "-path", path, "-n", fmt.Sprint(n))
	if err != nil {
		return nil, err
	}
	s, err := process.Start(c, end)
	if err != nil {
		return nil, fmt.Errorf("sockets: holding %d: %w", n, err)
	}
	return s, nil
}

// RunHold runs HoldCommand: it holds sockets until stdin is closed.
func RunHold(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) (err error) {
	var t Target
	flags := flag.NewFlagSet(HoldCommand, flag.ContinueOnError)
	flags.StringVar(&t.Address, "address", "", "address of the server")
	flags.StringVar(&t.Host, "host", "", "domain of the tenant")
	flags.BoolVar(&t.TLS, "tls", false, "use TLS")
	flags.IntVar(&t.Source, "source", 0, "number of the first loopback address to dial from")
	path := flags.String("path", EchoPath, "path of the sockets")
	n := flags.Int("n", 1, "number of sockets")
	if err := flags.Parse(args); err != nil {
		return err
	}
	g, err := Open(ctx, t, *path, *n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	check := g.echoOnce
	if *path != EchoPath {
		check = func() error { return nil } // a message would go to all sockets
	}
	if err := check(); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "open")
	_, err = io.Copy(io.Discard, stdin)
	return errors.Join(err, check())
}

// echoOnce sends a message on each socket in turn and waits for its echo.
func (g *Group) echoOnce() error {
	out, buf := frame(text), make([]byte, frameSize(text))
	for i, c := range g.clients {
		if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		if err := c.write(out); err != nil {
			return err
		}
		if err := c.receive(1, frameSize(text), buf); err != nil {
			return fmt.Errorf("sockets: socket %d of %d: %w", i+1, len(g.clients), err)
		}
	}
	return nil
}
