package accesslog

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// NewJSONHandler returns a slog.JSONHandler that is also a Handler, and escapes what
// [logs.Escaped] does. Each record is one call of to.Write, which must be safe for
// concurrent use. Attributes cannot be replaced, and there is no position in the source.
func NewJSONHandler(to io.Writer, level slog.Leveler) Handler {
	return &jsonHandler{slog.NewJSONHandler(logs.Escaped(to), &slog.HandlerOptions{Level: level}), to}
}

type jsonHandler struct {
	slog.Handler
	to io.Writer
}

// HandleAccess implements Handler.
func (h *jsonHandler) HandleAccess(_ context.Context, l Line) error {
	b := buffers.Get().(*[]byte)
	*b = l.appendJSON((*b)[:0])
	_, err := h.to.Write(*b)
	if cap(*b) <= maxKept {
		buffers.Put(b)
	}
	return err
}

// maxKept is the size of the largest buffer that is used again, in bytes.
const maxKept = 16 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

// appendJSON appends the line as the handler writes its record, with the line break.
func (l *Line) appendJSON(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = l.At.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"INFO","msg":"access"`...)
	b = appendString(b, `,"request":`, l.Request)
	b = appendString(b, `,"method":`, l.Method)
	b = appendString(b, `,"host":`, l.Host)
	b = appendString(b, `,"path":`, l.Path)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(l.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), l.Bytes, 10)
	b = strconv.AppendFloat(append(b, `,"ms":`...), l.millis(), 'f', -1, 64)
	b = appendString(b, `,"peer":`, l.Peer)
	b = appendString(b, `,"proto":`, l.Proto)
	b = appendString(b, `,"tenant":`, l.Tenant)
	b = appendString(b, `,"routing":`, l.Routing)
	if l.HasCost {
		b = strconv.AppendUint(append(b, `,"fuel":`...), l.Fuel, 10)
		b = strconv.AppendInt(append(b, `,"guest_ns":`...), l.Guest.Nanoseconds(), 10)
		b = strconv.AppendUint(append(b, `,"host_calls":`...), l.HostCalls, 10)
	}
	if l.Trace != "" {
		b = appendString(b, `,"trace":`, l.Trace)
	}
	if l.Reason != "" {
		b = appendString(b, `,"reason":`, l.Reason)
	}
	return append(b, "}\n"...)
}

// appendString appends a key, as JSON with its colon, and a string.
func appendString(b []byte, key, s string) []byte {
	b = append(b, key...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendEscaped appends a string of which characters may have to be escaped.
func appendEscaped(b []byte, s string) []byte {
	var to bytes.Buffer
	e := json.NewEncoder(&to)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string cannot fail
		return append(b, `""`...)
	}
	return append(b, logs.Escape(bytes.TrimSuffix(to.Bytes(), []byte("\n")))...)
}

var _ Handler = (*jsonHandler)(nil)
