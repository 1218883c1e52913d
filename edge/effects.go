package edge

import (
	"context"
	"log/slog"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
)

// WithoutEffects returns a context for calls of a [Host] that serves requests, by which
// a program finds out what it would do: [Host.Route] and [Host.Authorize] then change no
// files, record nothing and judge no candidate, and what the guest logs goes to log. The
// calls count in [Host.Stats], and run the guest's queries.
func WithoutEffects(ctx context.Context, log *slog.Logger) context.Context {
	return guests.WithoutEffects(ctx, log)
}
