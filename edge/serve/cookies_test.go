package serve

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// noSessions is a session store without sessions.
type noSessions struct{}

func (noSessions) SessionData(context.Context, string) (string, time.Time, bool, error) {
	return "", time.Time{}, false, nil
}

// The application gets only the session cookie that the edge used, however it
// parses cookies.
func TestAnApplicationGetsTheSessionOfTheEdge_A4(t *testing.T) {
	sessions, err := session.New(session.Config{Keys: []session.Key{session.NewKey("secret")}, Store: noSessions{}})
	if err != nil {
		t.Fatal(err)
	}
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil), h2c, func(s *setup) {
		s.edge.GuestConfig.Routers, s.edge.Sessions = []abi.Router{abi.ByDomain, abi.BySession}, sessions
	})
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"a=1;sessionid=aaaaaaaa"}, "a=1;sessionid=aaaaaaaa"},
		{[]string{"sessionid=aaaaaaaa", "b=1", "sessionid=bbbbbbbb", "c=2"}, "b=1; c=2; sessionid=bbbbbbbb"},
		{[]string{"sessionid=aaaaaaaa; \xa0sessionid=bbbbbbbb"}, "sessionid=aaaaaaaa"},
		{[]string{"sessionid=aaaaaaaa", "\u2028sessionid=bbbbbbbb"}, "sessionid=aaaaaaaa"},
		{[]string{"\x85sessionid=bbbbbbbb", "a=1"}, "a=1"},
		{[]string{"=sessionid=bbbbbbbb"}, ""},
	} {
		lines := make([]string, len(c.lines))
		for i, line := range c.lines {
			lines[i] = "cookie: " + line
		}
		var want []string
		if c.want != "" {
			want = []string{"Cookie: " + c.want}
		}
		check := func(protocol, status string) {
			if status != "200" {
				t.Errorf("%s, %q: status %s", protocol, c.lines, status)
			} else if got := linesOf(<-heads, "Cookie"); !slices.Equal(got, want) {
				t.Errorf("%s, %q: the application got %q, want %q", protocol, c.lines, got, want)
			}
		}
		if status := w.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"); status != 200 {
			t.Fatalf("%q: status %d", c.lines, status)
		}
		check("HTTP/1.1", "200")
		check("HTTP/2", w.http2(t).do(getHead("/", lines...)...).status)
	}
}

// A browser sends the console's cookie to all ports of its host, but no application that
// the edge serves there gets it.
func TestAnApplicationDoesNotGetTheCookieOfTheConsole(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil), h2c)
	for _, c := range []struct {
		lines []string
		want  []string
	}{
		{[]string{"tenantedge-console=SECRET"}, nil},
		{[]string{"a=1; tenantedge-console=SECRET; b=\"2\""}, []string{"Cookie: a=1; b=\"2\""}},
		{[]string{"a=1", "__Host-tenantedge-console=SECRET", "b=2"}, []string{"Cookie: a=1; b=2"}},
		{[]string{"tenantedge-console=SECRET;tenantedge-console=SECRET"}, nil},
		{[]string{"a=tenantedge-console"}, []string{"Cookie: a=tenantedge-console"}},
	} {
		lines := make([]string, len(c.lines))
		for i, line := range c.lines {
			lines[i] = "cookie: " + line
		}
		if status := w.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"); status != 200 {
			t.Fatalf("%q: status %d", c.lines, status)
		}
		if got := linesOf(<-heads, "Cookie"); !slices.Equal(got, c.want) {
			t.Errorf("%q: the application got %q, expected %q", c.lines, got, c.want)
		}
		w.http2(t).do(getHead("/", lines...)...)
		if got := linesOf(<-heads, "Cookie"); !slices.Equal(got, c.want) {
			t.Errorf("HTTP/2, %q: the application got %q, expected %q", c.lines, got, c.want)
		}
	}
}
