package accesslog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// recorded returns the line as slog writes it.
func recorded(t testing.TB, l *Line, handler func(io.Writer) slog.Handler) string {
	t.Helper()
	var b bytes.Buffer
	record := slog.NewRecord(l.At, slog.LevelInfo, Message, 0)
	record.AddAttrs(l.AppendAttrs(nil)...)
	if err := handler(&b).Handle(context.Background(), record); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func slogJSON(w io.Writer) slog.Handler { return slog.NewJSONHandler(logs.Escaped(w), nil) }

// written returns the line as Write writes it to a handler.
func written(t testing.TB, l *Line, handler func(io.Writer) slog.Handler) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(context.Background(), handler(&b), *l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func ownJSON(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) }

var typical = Line{
	At: time.Date(2026, 11, 30, 9, 8, 7, 120000000, time.UTC), Request: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Method: "GET",
	Host: "tenant1.example.com", Path: "/reports/2026", Status: 200, Bytes: 5120, Took: 1234567 * time.Nanosecond,
	Peer: "192.0.2.1:51234", Proto: "HTTP/1.1", Tenant: "tenant1", Routing: "domain",
}

func TestALineIsThatOfSlog(t *testing.T) {
	full := typical
	full.HasCost, full.Fuel, full.Guest, full.HostCalls = true, 1<<63, 12345, 3
	full.Trace, full.Reason, full.Path = "0af7651916cd43dd8448eb211c80319c", "unknown \"urlconf\"\n", "/ä\x00\xff<&>\u2028\\\x7f\u009b31m\u202e"
	for _, l := range []Line{{At: typical.At}, typical, full, {Took: -time.Second, Status: -1, Bytes: -1, At: time.Now()}} {
		want := recorded(t, &l, slogJSON)
		if got := written(t, &l, ownJSON); got != want {
			t.Errorf("the line is\n%s\nexpected that of slog\n%s", got, want)
		}
		if got := written(t, &l, slogJSON); got != want {
			t.Errorf("as a record it is\n%s\nexpected that of slog\n%s", got, want)
		}
	}
}

// FuzzLine compares lines with those of slog.
func FuzzLine(f *testing.F) {
	f.Add("id", "GET", "tenant1.example.com", "/a b\x7f\"", "reason", int64(1), int64(1500), uint64(7), true, int64(1e18))
	f.Add("", "\xff", "ü", "\u2029", "", int64(-1), int64(0), uint64(1<<63), false, int64(-1))
	f.Fuzz(func(t *testing.T, id, method, host, path, reason string, bytes, took int64, fuel uint64, cost bool, at int64) {
		l := Line{
			At: time.Unix(at%(1<<36), at&0xfffffff).UTC(), Request: id, Method: method, Host: host, Path: path, Status: int(bytes % 1000),
			Bytes: bytes, Took: time.Duration(took), Peer: host, Proto: method, Tenant: id, Routing: path,
			HasCost: cost, Fuel: fuel, Guest: time.Duration(bytes), HostCalls: fuel >> 1, Trace: reason, Reason: reason,
		}
		got, want := written(t, &l, ownJSON), recorded(t, &l, slogJSON)
		if values(t, got) != values(t, want) { // the ways to escape a character differ
			t.Errorf("the line is\n%s\nexpected that of slog\n%s", got, want)
		}
		if strings.ContainsAny(got, "\x7f\u0085\u009b\u202e") {
			t.Errorf("%q has characters that control a terminal", got)
		}
	})
}

// values returns the names and values of a line, in its order.
func values(t *testing.T, line string) string {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var all []any
	for {
		token, err := d.Token()
		if err == io.EOF {
			return fmt.Sprintf("%q", all)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, token)
	}
}

func TestAttributesOfALoggerAreKept(t *testing.T) {
	got := written(t, &typical, func(w io.Writer) slog.Handler {
		return NewJSONHandler(w, nil).WithAttrs([]slog.Attr{slog.String("edge", "one")}).WithGroup("g")
	})
	var fields struct {
		Edge string
		G    struct{ Host string }
	}
	if err := json.Unmarshal([]byte(got), &fields); err != nil || fields.Edge != "one" || fields.G.Host != typical.Host {
		t.Errorf("%s: %v", got, err)
	}
}

func TestALineAllocatesNothing(t *testing.T) {
	h := NewJSONHandler(io.Discard, nil)
	l := typical
	if n := testing.AllocsPerRun(100, func() { _ = Write(context.Background(), h, l) }); n > 0 {
		t.Errorf("%v allocations, expected 0", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	for name, h := range map[string]slog.Handler{"json": NewJSONHandler(io.Discard, nil), "slog": slogJSON(io.Discard)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := typical
			for b.Loop() {
				_ = Write(context.Background(), h, l)
			}
		})
	}
}
