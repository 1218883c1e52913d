// Package requestid carries the id of a request in a context. The log records of
// the request and its error page show the id.
//
//	ctx = requestid.With(ctx, "4f2a")
//	id := requestid.Of(ctx)
package requestid

import "context"

// Key is the context key of a request id, a string.
type Key struct{}

// With returns a context whose request has the id.
func With(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, Key{}, id)
}

// Of returns the id of a context's request; empty: it has none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(Key{}).(string)
	return id
}
