// Package requestid carries the id of a request, and that of its trace, in a context.
// The log records of the request, the page of a refusal and the request to an
// application have them.
//
//	ctx = requestid.With(ctx, requestid.New())
//	id := requestid.Of(ctx)
package requestid

import (
	"context"
	"math/rand/v2"
)

// Header is the field in which refusals and requests to applications have the id.
const Header = "X-Request-Id"

// Key is the context key of a request id, a string.
type Key struct{}

// TraceKey is the context key of the id of a trace, a string: 32 hexadecimal digits, as
// in W3C Trace Context.
type TraceKey struct{}

// digits are those of base32.
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// New returns a new id of 128 random bits. The generator is seeded by the system and
// takes a tenth of the time of crypto/rand; ids are no secrets, but differ everywhere.
func New() string {
	a, b := rand.Uint64(), rand.Uint64()
	var text [26]byte
	for i := range 13 {
		text[i], text[13+i] = digits[a>>(5*i)&31], digits[b>>(5*i)&31]
	}
	return string(text[:])
}

// With returns a context whose request has the id.
func With(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, Key{}, id)
}

// Of returns the id of a context's request; empty: it has none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(Key{}).(string)
	return id
}

// TraceOf returns the id of the trace of a context's request; empty: it has none.
func TraceOf(ctx context.Context) string {
	id, _ := ctx.Value(TraceKey{}).(string)
	return id
}
