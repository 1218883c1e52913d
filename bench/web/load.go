package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/bench/table"
)

// Result is what a load showed.
type Result struct {
	Requests int
	Took     time.Duration
	P50, P99 time.Duration // of a request's round trip
}

// Load asks a server for table.Target of the hosts over some connections, each
// of which sends its next request when the last is answered. Every answer must
// be a 200 for the tenant of the host.
func Load(ctx context.Context, address string, hosts []string, connections int, length time.Duration) (Result, error) {
	return load(ctx, address, connections, length, func(c *client, n int) error {
		host := hosts[(c.first*len(hosts)/connections+n)%len(hosts)]
		status, body, err := c.ask(host, table.Target)
		if err != nil {
			return err
		}
		schema, _, _ := bytes.Cut([]byte(host), []byte("."))
		if got, _, _ := bytes.Cut(body, []byte(" ")); status != 200 || !bytes.Equal(got, schema) {
			return fmt.Errorf("web: %s is answered with %d %.100q", host, status, body)
		}
		return nil
	})
}

// load has each connection ask again and again; n counts its questions.
func load(ctx context.Context, address string, connections int, length time.Duration, ask func(c *client, n int) error) (Result, error) {
	clients := make([]*client, connections)
	for i := range clients {
		c, err := dial(ctx, address)
		if err != nil {
			return Result{}, err
		}
		defer c.conn.Close()
		c.first = i
		clients[i] = c
	}
	start := time.Now()
	end := start.Add(length)
	errs := make([]error, connections)
	var wait sync.WaitGroup
	for i, c := range clients {
		wait.Go(func() { errs[i] = c.run(ctx, end, ask) })
	}
	wait.Wait()
	r := Result{Took: time.Since(start)}
	var trips []time.Duration
	for _, c := range clients {
		trips = append(trips, c.trips...)
	}
	r.Requests = len(trips)
	if slices.Sort(trips); len(trips) > 0 {
		r.P50, r.P99 = trips[len(trips)/2], trips[len(trips)*99/100]
	}
	return r, errors.Join(errs...)
}

// client is one connection. It writes and reads HTTP/1.1 by hand: what the
// client costs is taken from the same cores as what is measured.
type client struct {
	conn  net.Conn
	read  *bufio.Reader
	out   []byte
	trips []time.Duration
	first int // which of the connections it is
}

func dial(ctx context.Context, address string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, read: bufio.NewReader(conn), trips: make([]time.Duration, 0, 1<<16)}, nil
}

func (c *client) run(ctx context.Context, end time.Time, ask func(*client, int) error) error {
	n := 0
	for before := time.Now(); before.Before(end) && ctx.Err() == nil; n++ {
		if err := ask(c, n); err != nil {
			return err
		}
		after := time.Now()
		c.trips = append(c.trips, after.Sub(before))
		before = after
	}
	return ctx.Err()
}

// ask sends a request and reads its answer.
func (c *client) ask(host, target string) (status int, body []byte, err error) {
	status, length, err := c.head(host, target)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(c.read, body)
	return status, body, err
}

// head sends a request and reads the head of its answer.
func (c *client) head(host, target string) (status, length int, err error) {
	c.out = append(append(append(append(c.out[:0], "GET "...), target...), " HTTP/1.1\r\nHost: "...), host...)
	c.out = append(c.out, "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"...)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, 0, err
	}
	line, err := c.read.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("web: expected a status line, found %.100q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	for {
		if line, err = c.read.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, 0, err
			}
		}
	}
	return status, length, nil
}

// Ask sends one request over a connection of its own.
func Ask(ctx context.Context, address, host, target string) (status int, body string, err error) {
	c, err := dial(ctx, address)
	if err != nil {
		return 0, "", err
	}
	defer c.conn.Close()
	status, b, err := c.ask(host, target)
	return status, string(b), err
}
