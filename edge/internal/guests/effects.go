package guests

import (
	"context"
	"log/slog"
)

// effectsKey is the key of the value in the context of a call that has no effects.
type effectsKey struct{}

// WithoutEffects returns a context for calls that have no effects: the guest cannot
// change files, nothing is recorded, no candidate is judged by them, and the guest's log
// records go to log. Their fuel and their failures still count in [Set.Stats].
func WithoutEffects(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, effectsKey{}, log)
}

// withoutEffects is for shadows. Their log records are like those of other calls.
var withoutEffects = WithoutEffects(context.Background(), nil)

func hasEffects(ctx context.Context) bool { return ctx.Value(effectsKey{}) == nil }

// loggerOf returns the logger of a call without effects; nil: the call has none.
func loggerOf(ctx context.Context) *slog.Logger {
	log, _ := ctx.Value(effectsKey{}).(*slog.Logger)
	return log
}

// replaceUnjudged is replace for a request without effects.
func (t *candidate) replaceUnjudged(ctx context.Context, r *Request, d *Decision) {
	if t.queue != nil || !t.covers(r, d) {
		return
	}
	var found Decision
	if _, err := t.generation.measure(ctx, r, &found); err == nil {
		*d = found
	}
}
