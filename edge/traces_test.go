package edge

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/trace"
)

// spanBook is a Tracer that samples everything. It keeps the spans that have ended: the
// name after those around it.
type spanBook struct {
	mu    sync.Mutex
	ended map[string]spanEnd
}

type spanEnd struct {
	err        error
	attributes map[string]string
}

type spanKey struct{}

func (b *spanBook) Start(ctx context.Context, name string) (context.Context, trace.Span) {
	if outer, ok := ctx.Value(spanKey{}).(string); ok {
		name = outer + " > " + name
	}
	return context.WithValue(ctx, spanKey{}, name), bookedSpan{b, name}
}

func (b *spanBook) Begin(ctx context.Context, name string) (context.Context, trace.Span) {
	return b.Start(ctx, name)
}

func (b *spanBook) Propagate(ctx context.Context, header http.Header) {
	name, _ := ctx.Value(spanKey{}).(string)
	header.Set("Traceparent", name)
}

type bookedSpan struct {
	book *spanBook
	name string
}

func (s bookedSpan) End(err error, attributes ...slog.Attr) {
	end := spanEnd{err, map[string]string{}}
	for _, a := range attributes {
		end.attributes[a.Key] = a.Value.String()
	}
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	if s.book.ended == nil {
		s.book.ended = map[string]spanEnd{}
	}
	s.book.ended[s.name] = end
}

// take returns the ended spans, and forgets them.
func (b *spanBook) take() map[string]spanEnd {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.ended
	b.ended = nil
	return taken
}

// hasSpans checks the names of the spans that have ended.
func hasSpans(t *testing.T, spans map[string]spanEnd, want ...string) {
	t.Helper()
	var names []string
	for name := range spans {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the spans are\n%q, expected\n%q", names, want)
	}
}

func TestFilesOfAGuestHaveSpans(t *testing.T) {
	book := &spanBook{}
	h, _ := newFileHost(t, func(c *Config) { c.Tracer = book })
	if got, err := steps(t, h, "/find:t1/stat:a.txt/read:a.txt/list:d/save:n.txt|x/delete:none"); err != nil {
		t.Fatal(got, err)
	}
	spans := book.take()
	hasSpans(t, spans, "guest te_route", "guest te_route > file stat", "guest te_route > file open", "guest te_route > file list", "guest te_route > file save", "guest te_route > file delete")
	route := spans["guest te_route"].attributes
	if route["tenantedge.guest"] != h.Stats().Guest.Digest || route["tenantedge.outcome"] != "tenant" || route["tenantedge.fuel"] == "0" || route["tenantedge.guest_ns"] == "0" {
		t.Errorf("%v", route)
	}
	if s := spans["guest te_route > file stat"]; s.err != nil || s.attributes["tenantedge.tenant"] != "t1" {
		t.Errorf("%+v", s)
	}
}

func TestACallThatFailsHasASpanWithItsError(t *testing.T) {
	book := &spanBook{}
	h := newHost(t, func(c *Config) { c.Tracer, c.Guest = book, wasmtest.Sound().Replies("te_route", "no message").Wasm() })
	if _, err := h.Route(t.Context(), &Request{Method: "GET", Host: "x", Target: "/"}); err == nil {
		t.Fatal("the guest's reply is accepted")
	}
	if s := book.take()["guest te_route"]; s.err == nil || s.attributes["tenantedge.outcome"] != "" {
		t.Errorf("%+v", s)
	}
}

func TestEventsOfWebsocketsAndGroupsHaveSpans(t *testing.T) {
	book := &spanBook{}
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) { c.Tracer = book })
	v := w.visit(t, "acme", "add watch", "say ready")
	v.receives(t, "ready")
	hasSpans(t, book.take(), "guest te_ws_open", "channel join")
	v.sends(t, "group watch hello", "say sent")
	v.receives(t, "sent")
	w.eventually(t, "the event's span", func() bool {
		book.mu.Lock()
		defer book.mu.Unlock()
		_, ok := book.ended["websocket event"]
		return ok
	})
	spans := book.take()
	for _, name := range []string{"websocket event", "websocket event > guest te_ws_message", "websocket event > channel send"} {
		if _, ok := spans[name]; !ok {
			t.Errorf("%s is missing in %v", name, spans)
		}
	}
}

func TestAHandshakeOfAnApplicationHasASpanAndCarriesTheTrace(t *testing.T) {
	book := &spanBook{}
	w := newRelayWorld(t, func(c *Config) { c.Tracer = book })
	got := receivedBy(t, w.open("shared.example.com", "/two/x/original", "Traceparent", "forged"))
	if parents := got.Header["Traceparent"]; !slices.Equal(parents, []string{"websocket upstream"}) {
		t.Errorf("the application's parent is %q", parents)
	}
	hasSpans(t, book.take(), "guest te_route", "websocket upstream")
	w.status("acme.example.com", "/down")
	if s := book.take()["websocket upstream"]; s.err == nil {
		t.Errorf("a refused connection is no error: %+v", s)
	}
}
