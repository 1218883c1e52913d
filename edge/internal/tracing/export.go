package tracing

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// Stats count spans that have ended.
type Stats struct {
	Exported uint64 // the collector has them
	Failed   uint64 // the collector could not be reached, or refused them
	Dropped  uint64 // the queue was full
	Queued   int    // they wait
}

const (
	defaultQueue = 2048             // spans that wait at most
	exportTime   = 10 * time.Second // for one batch, with the attempts to send it again
	logPause     = time.Minute      // between records about failures
)

// export queues spans and sends them in batches. It never blocks those who end spans:
// when the queue is full, spans are dropped and counted, which the processor of the SDK
// does not do.
type export struct {
	sdk.SpanProcessor
	limit                     int64
	queued                    atomic.Int64
	exported, failed, dropped atomic.Uint64

	logger *slog.Logger
	mu     sync.Mutex
	logged time.Time
}

func newExport(to sdk.SpanExporter, logger *slog.Logger) *export {
	size, _ := strconv.Atoi(os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE"))
	e := &export{limit: int64(max(cmp.Or(size, defaultQueue), 1)), logger: logger}
	options := []sdk.BatchSpanProcessorOption{sdk.WithMaxQueueSize(int(e.limit))}
	if os.Getenv("OTEL_BSP_EXPORT_TIMEOUT") == "" {
		options = append(options, sdk.WithExportTimeout(exportTime))
	}
	e.SpanProcessor = sdk.NewBatchSpanProcessor(exporter{to, e}, options...)
	return e
}

// maxText is the size of the longest text of a span, in bytes. Clients choose the path,
// the method and the agent; spans wait in memory, and a collector refuses the batch of
// one that is too large.
const maxText = 1 << 10

// clipTexts clips the attributes of a span of a request that has long texts. The limit of
// the SDK would keep all of a text in memory.
func clipTexts(ctx context.Context, s trace.Span) {
	q := requestOf(ctx)
	of, ok := s.(sdk.ReadWriteSpan)
	if !ok || q == nil || !q.long {
		return
	}
	for _, a := range of.Attributes() {
		if a.Value.Type() == attribute.STRING {
			of.SetAttributes(attribute.String(string(a.Key), logs.Cut(a.Value.AsString(), maxText)))
		}
	}
}

// OnStart implements sdk.SpanProcessor.
func (e *export) OnStart(ctx context.Context, s sdk.ReadWriteSpan) {
	clipTexts(ctx, s)
	e.SpanProcessor.OnStart(ctx, s)
}

// OnEnd implements sdk.SpanProcessor.
func (e *export) OnEnd(s sdk.ReadOnlySpan) {
	if e.queued.Add(1) > e.limit {
		e.queued.Add(-1)
		e.dropped.Add(1)
		return
	}
	e.SpanProcessor.OnEnd(s)
}

// failure logs why spans were lost, at most once a minute.
func (e *export) failure(err error, spans int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); now.Sub(e.logged) >= logPause {
		e.logged = now
		e.logger.Warn("the collector of traces does not take spans; requests are served without them", "spans", spans, "error", err)
	}
}

func (e *export) stats() Stats {
	return Stats{e.exported.Load(), e.failed.Load(), e.dropped.Load(), int(e.queued.Load())}
}

// exporter counts what it sends.
type exporter struct {
	sdk.SpanExporter
	export *export
}

// ExportSpans implements sdk.SpanExporter. It returns no error: the SDK would print it.
func (x exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	n := len(spans)
	err := x.SpanExporter.ExportSpans(ctx, spans)
	x.export.queued.Add(int64(-n))
	if err != nil {
		x.export.failed.Add(uint64(n))
		x.export.failure(err, n)
		return nil
	}
	x.export.exported.Add(uint64(n))
	return nil
}

var (
	_ sdk.SpanProcessor = (*export)(nil)
	_ sdk.SpanExporter  = exporter{}
)
