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

// HoldCommand is the command by which the benchmark starts itself as clients
// that hold sockets: as many as one process may open files are not enough for a
// crowd.
const HoldCommand = "hold-websockets"

// Handler and Consumer are the names of our own servers.
const (
	Handler  = edgeHandler
	Consumer = edgeConsumer
)

// Hold opens sockets in a process of its own, and returns when all are open.
// Those at EchoPath have then said something, and got it back; when the process
// is closed they do so once more, which must succeed for every one of them.
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

// RunHold is HoldCommand: it holds sockets until stdin ends.
func RunHold(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) (err error) {
	var t Target
	flags := flag.NewFlagSet(HoldCommand, flag.ContinueOnError)
	flags.StringVar(&t.Address, "address", "", "where the server is")
	flags.StringVar(&t.Host, "host", "", "the tenant's domain")
	flags.BoolVar(&t.TLS, "tls", false, "use TLS")
	flags.IntVar(&t.Source, "source", 0, "the address to come from, and from those behind it")
	path := flags.String("path", EchoPath, "where to open sockets")
	n := flags.Int("n", 1, "how many")
	if err := flags.Parse(args); err != nil {
		return err
	}
	g, err := Open(ctx, t, *path, *n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	speak := g.once
	if *path != EchoPath {
		speak = func() error { return nil } // all would hear it
	}
	if err := speak(); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "open")
	_, err = io.Copy(io.Discard, stdin)
	return errors.Join(err, speak())
}

// once has one socket after the other send a message, and get it back.
func (g *Group) once() error {
	out, buf := frame(text), make([]byte, back(text))
	for i, c := range g.clients {
		if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if err := c.write(out); err != nil {
			return err
		}
		if err := c.take(1, back(text), buf); err != nil {
			return fmt.Errorf("sockets: socket %d of %d: %w", i+1, len(g.clients), err)
		}
	}
	return nil
}
