package hostfuncs

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// attrWorld is a world that logs attributes.
type attrWorld struct {
	*world
	records []string
}

func (w *attrWorld) LogAttrs(_ context.Context, level slog.Level, text string, attrs []slog.Attr) {
	w.records = append(w.records, attrLine{level, text, attrs}.String())
}

// logAttrs makes the guest write a line with attributes.
func (g *guest) logAttrs(text string, attrs []byte) {
	g.tb.Helper()
	addr, size := g.put(1024, text)
	at, length := g.put(16<<10, string(attrs))
	g.mustRun(abi.ImportLogAttrs, 0, addr, size, at, length)
}

// pairs encodes attributes.
func pairs(attrs ...string) []byte {
	b := abi.Begin(make([]byte, 32<<10), 0, len(attrs))
	for i, s := range attrs {
		b.Put(i, s)
	}
	return b.Bytes()
}

func TestALineWithAttributesIsARecordThatForgesNothing(t *testing.T) {
	many := make([]string, 2*abi.MaxLogPairs+2)
	for _, c := range []struct {
		name  string
		text  string
		attrs []byte
		want  string
	}{
		{"attributes", "canary", pairs("tenant", "acme", "cell", "eu-1"), `canary tenant="acme" cell="eu-1"`},
		{"none", "canary", pairs(), "canary"},
		{"a value that looks like a line", "a\nlevel=ERROR b", pairs("user", "x\nlevel=ERROR msg=\"forged\"\r\n\x1b[31m\u2028."), `a level=ERROR b user="x level=ERROR msg=\"forged\"` + "\uFFFD \uFFFD[31m\uFFFD." + `"`},
		{"a name that looks like others", "a", pairs("x=1 from=host\n", "v", "", "w"), `a x_1_from_host_="v" _="w"`},
		{"long names and values", "a", pairs(strings.Repeat("n", abi.MaxLogName+1), strings.Repeat("v", abi.MaxLogValue+1)), "a " + strings.Repeat("n", abi.MaxLogName) + `="` + strings.Repeat("v", abi.MaxLogValue) + `"`},
		{"a long text", strings.Repeat("x", 5000), pairs(), strings.Repeat("x", abi.MaxLogText)},
		{"too many", "a", pairs(many...), `a error="the attributes are more than 16"`},
		{"a name without value", "a", pairs("x"), `a error="the attributes are malformed: expected a message of pairs of a name and a value"`},
		{"too long", "a", pairs("x", strings.Repeat("v", abi.MaxLogAttrs+1-len(pairs("x", "")))), `a error="the attributes are longer than 8192 bytes"`},
		{"no message", "a", []byte("x"), `a error="the attributes are malformed: expected a message of pairs of a name and a value"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t)
			w := &attrWorld{world: g.world}
			for _, services := range []Services{w, g.world} {
				w.records, w.lines = nil, nil
				g.call.Services = services
				g.call.Begin(t.Context())
				g.logAttrs(c.text, c.attrs)
				g.call.End()
				if got := strings.Join(append(w.records, w.lines...), "; "); got != c.want && !strings.Contains(c.name, "long text") {
					t.Errorf("%T logged %q, want %q", services, got, c.want)
				}
			}
		})
	}
}

func TestRecordsOfACallAreBounded(t *testing.T) {
	g := newGuest(t)
	w := &attrWorld{world: g.world}
	g.call.Services = w
	g.call.Begin(t.Context())
	for range abi.MaxLogRecords + 1 {
		g.logAttrs("a", pairs("x", "1"))
	}
	g.mustRun(abi.ImportLogAttrs, 0, 1024, 1, 1<<31, 5)
	g.call.End()
	if len(w.records) != abi.MaxLogRecords || len(w.lines) != 1 || !strings.Contains(w.lines[0], `a x="1" | a error=`) || !strings.Contains(w.lines[0], "outside the guest's memory") {
		t.Errorf("records %q and lines %q", w.records, w.lines)
	}
}
