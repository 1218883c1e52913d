package edge

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultGuestLogRate = 16 << 10 // bytes a second
	guestLogBurst       = 10       // seconds' worth may come at once
	recordOverhead      = 256      // bytes of a record beside its text
	longestRecord       = 16 << 10 // bytes: a burst has room for one
)

// guestLog writes what guests log and print, one record a call. What exceeds
// the rate is dropped and counted: a guest that says something at every request,
// or that a client makes say something, must not fill the disk.
type guestLog struct {
	logger           *slog.Logger
	limit            *rate.Limiter // of bytes
	written, dropped atomic.Uint64
	missing          atomic.Uint64 // records that were dropped since one was written
}

// newGuestLog makes one for a number of bytes a second; negative: any.
func newGuestLog(logger *slog.Logger, bytes int64) *guestLog {
	limit := rate.NewLimiter(rate.Limit(bytes), int(max(guestLogBurst*bytes, longestRecord)))
	if bytes < 0 {
		limit.SetLimit(rate.Inf)
	}
	return &guestLog{logger: logger, limit: limit}
}

func (l *guestLog) write(ctx context.Context, level slog.Level, text string, attrs []slog.Attr) {
	if !l.logger.Enabled(ctx, level) {
		return
	}
	if !l.limit.AllowN(time.Now(), len(text)+recordOverhead) {
		l.dropped.Add(1)
		l.missing.Add(1)
		return
	}
	if n := l.missing.Swap(0); n > 0 {
		attrs = append(attrs, slog.Uint64("dropped", n))
	}
	l.written.Add(1)
	l.logger.LogAttrs(ctx, level, text, attrs...)
}
