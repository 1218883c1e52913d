package hostfuncs

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

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
			g.call.Begin(t.Context())
			g.logAttrs(c.text, c.attrs)
			printed := g.call.Printed()
			g.call.End()
			if got := strings.Join(g.world.lines, "; "); got != c.want || printed != c.want {
				t.Errorf("logged %q and printed %q, want %q", got, printed, c.want)
			}
		})
	}
}

func TestRecordsOfACallAreBounded(t *testing.T) {
	g := newGuest(t)
	g.call.Begin(t.Context())
	for range abi.MaxLogRecords + 1 {
		g.logAttrs("a", pairs("x", "1"))
	}
	g.mustRun(abi.ImportLogAttrs, 0, 1024, 1, 1<<31, 5)
	g.call.End()
	records, last := g.world.lines[:len(g.world.lines)-1], g.world.lines[len(g.world.lines)-1]
	if len(records) != abi.MaxLogRecords || !strings.Contains(last, `a x="1" | a error=`) || !strings.Contains(last, "outside the guest's memory") {
		t.Errorf("records %q and %q", records, last)
	}
}
