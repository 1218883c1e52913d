package guests

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	guestLogBurst  = 10       // a burst in seconds at the allowed rate
	recordOverhead = 256      // bytes that a record counts besides its text
	minBurst       = 16 << 10 // bytes, so that the longest record passes
)

// guestLog writes the log records of guests. Records that exceed the rate are
// dropped and counted, so that no guest, and no client of one, fills the disk.
type guestLog struct {
	logger           *slog.Logger
	limit            *rate.Limiter // of bytes
	written, dropped atomic.Uint64
	unreported       atomic.Uint64 // records dropped since the last one that was written
}

// newGuestLog returns a log for a number of bytes a second; negative: unlimited.
func newGuestLog(logger *slog.Logger, bytes int64) *guestLog {
	limit := rate.NewLimiter(rate.Limit(bytes), int(max(guestLogBurst*bytes, minBurst)))
	if bytes < 0 {
		limit.SetLimit(rate.Inf)
	}
	return &guestLog{logger: logger, limit: limit}
}

// write writes a record with text and attributes of the guest, which count towards
// the limit, and attrs of the host.
func (l *guestLog) write(ctx context.Context, level slog.Level, text string, attrs []slog.Attr, guest ...slog.Attr) {
	if own := loggerOf(ctx); own != nil {
		own.LogAttrs(ctx, level, text, append(attrs, guest...)...)
		return
	}
	if !l.logger.Enabled(ctx, level) {
		return
	}
	size := len(text) + recordOverhead
	for _, a := range guest {
		size += len(a.Key) + len(a.Value.String())
	}
	if !l.limit.AllowN(time.Now(), size) {
		l.dropped.Add(1)
		l.unreported.Add(1)
		return
	}
	if len(guest) > 0 {
		attrs = append(attrs, slog.GroupAttrs("attrs", guest...))
	}
	if n := l.unreported.Swap(0); n > 0 {
		attrs = append(attrs, slog.Uint64("dropped", n))
	}
	l.written.Add(1)
	l.logger.LogAttrs(ctx, level, text, attrs...)
}
