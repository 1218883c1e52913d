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
	answers  []string  // eval's answer to each question, as JSON
	fuel     []uint64  // of each request, the same in every round
	times    []float64 // nanoseconds per request, in each round
}

// prepare routes each request and records its fuel and its answer. It returns an
// error for a request that cannot be measured. Every request starts from the same
// state of the guest, so one measurement of fuel is enough.
func (c *contender) prepare(ctx context.Context, qs []benchQuestion) error {
	for i := range qs {
		q := &qs[i]
		request, err := c.request(ctx, &q.question)
		if err != nil {
			return fmt.Errorf("line %d: expected a request that reaches the guest, found one that the edge refuses: %w", q.line, err)
		}
		before := c.host.Stats().Current.Fuel
		if _, err := c.host.Route(ctx, &request); err != nil {
			return fmt.Errorf("%s: line %d: %w", c.name, q.line, withPrinted(err))
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

// round routes all requests repeatedly until length has passed, and records the
// mean time of a request.
func (c *contender) round(ctx context.Context, length time.Duration) error {
	start := time.Now()
	for n := 1; ; n++ {
		for i := range c.requests {
			if _, err := c.host.Route(ctx, &c.requests[i]); err != nil {
				return fmt.Errorf("%s: %w", c.name, withPrinted(err))
			}
		}
		if took := time.Since(start); took >= length {
			c.times = append(c.times, float64(took.Nanoseconds())/float64(n*len(c.requests)))
			return nil
		}
	}
}
