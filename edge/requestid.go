package edge

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

// WithRequestID sets the id of a context's requests, which their log records and
// the error pages of status 5xx contain. Without it, Middleware makes an id when
// it needs one.
func WithRequestID(ctx context.Context, id string) context.Context { return requestid.With(ctx, id) }

// in replaces the id of an error that has one by the id of the context's request.
func (e *RouteError) in(ctx context.Context) *RouteError {
	if e.RequestID != "" {
		if id := requestid.Of(ctx); id != "" {
			e.RequestID = id
		}
	}
	return e
}
