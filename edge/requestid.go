package edge

import "context"

// WithRequestID has the log speak of the requests of a context by an id, and
// clients that get a 5xx learn it. Without one, Middleware makes an id for every
// request that the log has something to say about.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

type requestKey struct{}

// requestID returns the id of the request of a context; empty: it has none.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// in gives an error that has an id that of the request of a context.
func (e *RouteError) in(ctx context.Context) *RouteError {
	if e.RequestID != "" {
		if id := requestID(ctx); id != "" {
			e.RequestID = id
		}
	}
	return e
}
