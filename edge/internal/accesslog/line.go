// Package accesslog writes a record for each request that was served.
//
//	log := slog.New(accesslog.NewJSONHandler(os.Stderr, nil))
//	accesslog.Write(ctx, log.Handler(), accesslog.Line{At: time.Now(), Method: "GET", …})
//
// A line is written for every request, so it has a type of its own: a slog.Record of it
// takes more than four times as long to make and to format.
package accesslog

import (
	"context"
	"log/slog"
	"time"
)

// Message is the message of the records.
const Message = "access"

// Line is the record of a request. It has neither its query nor its headers, which may
// hold secrets.
type Line struct {
	At      time.Time // the end of the request, not zero
	Request string    // id of the request
	Method  string
	Host    string
	Path    string
	Status  int
	Bytes   int64 // of the answer's body
	Took    time.Duration
	Peer    string // address of the client, or of the proxy in front
	Proto   string
	Tenant  string // schema; empty: none
	Routing string // the router that found the tenant; empty: none

	HasCost   bool // the next three are known
	Fuel      uint64
	Guest     time.Duration
	HostCalls uint64

	Trace  string // id of the trace; empty: none
	Reason string // why the request failed; empty: not known, or it did not
}

// maxAttrs is the number of attributes of the longest line.
const maxAttrs = 16

// millis is Took in milliseconds, in steps of a microsecond.
func (l *Line) millis() float64 { return float64(l.Took.Microseconds()) / 1000 }

// AppendAttrs appends the attributes of the line to a list.
func (l *Line) AppendAttrs(to []slog.Attr) []slog.Attr {
	to = append(to,
		slog.String("request", l.Request),
		slog.String("method", l.Method), slog.String("host", l.Host), slog.String("path", l.Path),
		slog.Int("status", l.Status), slog.Int64("bytes", l.Bytes), slog.Float64("ms", l.millis()),
		slog.String("peer", l.Peer), slog.String("proto", l.Proto),
		slog.String("tenant", l.Tenant), slog.String("routing", l.Routing),
	)
	if l.HasCost {
		to = append(to, slog.Uint64("fuel", l.Fuel), slog.Int64("guest_ns", l.Guest.Nanoseconds()), slog.Uint64("host_calls", l.HostCalls))
	}
	if l.Trace != "" {
		to = append(to, slog.String("trace", l.Trace))
	}
	if l.Reason != "" {
		to = append(to, slog.String("reason", l.Reason))
	}
	return to
}

// Handler is a slog.Handler that takes lines as they are.
type Handler interface {
	slog.Handler
	HandleAccess(ctx context.Context, l Line) error
}

// Write passes a line to a handler: as it is to a Handler, as a slog.Record to any
// other. Like Handle of slog.Handler, it is for callers that have asked the handler
// whether slog.LevelInfo is enabled. The record has no position in the source: finding
// it takes as long as formatting half of the line.
func Write(ctx context.Context, to slog.Handler, l Line) error {
	if h, ok := to.(Handler); ok {
		return h.HandleAccess(ctx, l)
	}
	var space [maxAttrs]slog.Attr
	record := slog.NewRecord(l.At, slog.LevelInfo, Message, 0)
	record.AddAttrs(l.AppendAttrs(space[:0])...)
	return to.Handle(ctx, record)
}
