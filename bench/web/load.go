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

// Result is the result of a load.
type Result struct {
	Requests int
	Took     time.Duration
	P50, P99 time.Duration // of the round trips
	// Slices divide the load into intervals of Plan.Slice; empty if that is zero.
	Slices []Slice
}

// Slice describes the requests whose responses arrived in an interval of a load.
type Slice struct {
	Requests int
	P99      time.Duration
}

// Plan describes a load.
type Plan struct {
	Hosts       []string
	Connections int
	Length      time.Duration
	Slice       time.Duration
}

// Load requests table.Target from the plan's hosts. Each connection sends the next
// request after the previous response. It fails unless every response is a 200
// for the tenant of the host.
func Load(ctx context.Context, address string, p Plan) (Result, error) {
	return p.load(ctx, address, func(c *client, n int) error {
		host := p.Hosts[(c.first*len(p.Hosts)/p.Connections+n)%len(p.Hosts)]
		status, body, err := c.get(host, table.Target)
		if err != nil {
			return err
		}
		schema, _, _ := bytes.Cut([]byte(host), []byte("."))
		if got, _, _ := bytes.Cut(body, []byte(" ")); status != 200 || !bytes.Equal(got, schema) {
			return fmt.Errorf("web: %s: expected 200 and the tenant %s, found %d and %.100q", host, schema, status, body)
		}
		return nil
	})
}

// load calls request repeatedly for each connection; n counts its calls.
func (p Plan) load(ctx context.Context, address string, request func(c *client, n int) error) (Result, error) {
	clients := make([]*client, p.Connections)
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
	end := start.Add(p.Length)
	errs := make([]error, p.Connections)
	var wait sync.WaitGroup
	for i, c := range clients {
		wait.Go(func() { errs[i] = c.run(ctx, end, request) })
	}
	wait.Wait()
	r := Result{Took: time.Since(start)}
	var trips []time.Duration
	var sliced [][]time.Duration
	if p.Slice > 0 {
		sliced = make([][]time.Duration, p.Length/p.Slice)
	}
	for _, c := range clients {
		trips = append(trips, c.trips...)
		if p.Slice > 0 {
			c.slice(sliced, start, p.Slice)
		}
	}
	r.Requests = len(trips)
	r.P50, r.P99 = percentile(trips, 50), percentile(trips, 99)
	for _, s := range sliced {
		r.Slices = append(r.Slices, Slice{len(s), percentile(s, 99)})
	}
	return r, errors.Join(errs...)
}

// slice adds the client's round trips to the intervals in which they ended. It
// drops those that ended after the last interval.
func (c *client) slice(into [][]time.Duration, start time.Time, length time.Duration) {
	at := c.began.Sub(start)
	for _, trip := range c.trips {
		at += trip
		if i := int(at / length); i < len(into) {
			into[i] = append(into[i], trip)
		}
	}
}

// percentile sorts durations and returns a percentile; 0 if there are none.
func percentile(d []time.Duration, percent int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)*percent/100]
}

// client is one connection. It encodes and decodes HTTP/1.1 by hand, since it
// shares the cores with the measured server.
type client struct {
	conn  net.Conn
	read  *bufio.Reader
	out   []byte
	body  []byte // buffer for the bodies of files
	began time.Time
	trips []time.Duration // consecutive round trips
	first int             // index of the connection
}

func dial(ctx context.Context, address string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, read: bufio.NewReader(conn), trips: make([]time.Duration, 0, 1<<16)}, nil
}

func (c *client) run(ctx context.Context, end time.Time, request func(*client, int) error) error {
	n := 0
	c.began = time.Now()
	for before := c.began; before.Before(end) && ctx.Err() == nil; n++ {
		if err := request(c, n); err != nil {
			return err
		}
		after := time.Now()
		c.trips = append(c.trips, after.Sub(before))
		before = after
	}
	return ctx.Err()
}

// get sends a request and reads its response.
func (c *client) get(host, target string) (status int, body []byte, err error) {
	status, length, err := c.head(host, target)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(c.read, body)
	return status, body, err
}

// head sends a request and reads the head of its response.
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

// Get sends one request over a new connection.
func Get(ctx context.Context, address, host, target string) (status int, body string, err error) {
	c, err := dial(ctx, address)
	if err != nil {
		return 0, "", err
	}
	defer c.conn.Close()
	status, b, err := c.get(host, target)
	return status, string(b), err
}
