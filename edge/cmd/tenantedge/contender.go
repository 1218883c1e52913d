package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantedge/tenantedge/edge"
)

// contender is a guest that bench measures.
type contender struct {
	*evaluator
	name     string
	requests []edge.Request
	answers  []string  // what eval would answer to each question
	fuel     []uint64  // what each request uses, the same each time
	times    []float64 // nanoseconds a request, of each round
}

// prepare asks each question once: what it answers and the fuel that it uses
// are kept, and requests that cannot be measured end it. Every request starts
// from the same state of the guest, so that once is enough for fuel.
func (c *contender) prepare(ctx context.Context, qs []asked) error {
	for i := range qs {
		q := &qs[i]
		request, err := c.request(ctx, &q.question)
		if err != nil {
			return fmt.Errorf("line %d: the edge refuses the request before a guest sees it: %w", q.line, err)
		}
		before := c.host.Stats().Current.Fuel
		if _, err := c.host.Route(ctx, &request); err != nil {
			return fmt.Errorf("%s: line %d: %w", c.name, q.line, err)
		}
		c.fuel = append(c.fuel, c.host.Stats().Current.Fuel-before)
		answer, err := json.Marshal(c.route(ctx, &q.question))
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", c.name, q.line, err)
		}
		c.requests, c.answers = append(c.requests, request), append(c.answers, string(answer))
	}
	return nil
}

// round routes all requests, again and again, until the time is over.
func (c *contender) round(ctx context.Context, length time.Duration) error {
	start := time.Now()
	for n := 1; ; n++ {
		for i := range c.requests {
			if _, err := c.host.Route(ctx, &c.requests[i]); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if took := time.Since(start); took >= length {
			c.times = append(c.times, float64(took.Nanoseconds())/float64(n*len(c.requests)))
			return nil
		}
	}
}
