package edge

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

// WithRequestID sets the id of a context's requests, which their log records, the
// pages of refusals and the requests to applications contain. Without it, Middleware
// makes an id when it needs one.
func WithRequestID(ctx context.Context, id string) context.Context { return requestid.With(ctx, id) }

// in sets the id of an error to that of the context's request, or to a new one.
func (e *RouteError) in(ctx context.Context) *RouteError {
	if id := requestid.Of(ctx); id != "" {
		e.RequestID = id
	} else if e.RequestID == "" {
		e.RequestID = requestid.New()
	}
	return e
}
