//go:build unix

package serve

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// offices returns a configuration with static tenants and rows of some names. Their
// websockets are handled by the edge, or pass through to app.
func offices(app string, handled bool, static, rows []string) string {
	var b strings.Builder
	ws := ""
	if handled {
		ws = ", WS_URLCONF: ws"
	}
	b.WriteString("tenants:\n")
	for _, name := range static {
		fmt.Fprintf(&b, "  %s: {DOMAINS: [%s.example.com], URLCONF: site%s}\n", name, name, ws)
	}
	fmt.Fprintf(&b, "  default: {URLCONF: site%s}\ndirectory: {source: file, tenants: [", ws)
	for i, name := range rows {
		fmt.Fprintf(&b, "{id: %d, schema_name: %s}, ", i+1, name)
	}
	b.WriteString("], domains: [")
	for i, name := range rows {
		fmt.Fprintf(&b, "{tenant_id: %d, domain: %s.example.com, is_primary: true}, ", i+1, name)
	}
	b.WriteString("]}\n")
	if handled {
		b.WriteString("ws_urlconfs: {ws: [{path: talk/, name: talk, handler: member}]}\nwebsockets: {without_origin: true}\n")
	}
	fmt.Fprintf(&b, "urlconfs: {site: %q}\nadmin: off\nlisteners: ['127.0.0.1:0']\n", app)
	return b.String()
}

// A tenant that a reload removes has no websocket any more, whichever configuration
// opened it. Those of the others stay.
func TestW4AReloadThatRemovesATenantClosesItsWebsockets(t *testing.T) {
	r := serveText(t, offices("http://127.0.0.1:1", true, []string{"www", "shop"}, []string{"acme", "umbra"}), withMembers)
	open := map[string]*sockets.Client{}
	for _, name := range []string{"www", "shop", "acme", "umbra"} {
		open[name] = r.talkOf(name)
	}
	r.reload(offices("http://127.0.0.1:1", true, []string{"www"}, []string{"acme"}))
	r.ends(open["shop"], sockets.CodePolicy)
	r.ends(open["umbra"], sockets.CodePolicy)
	r.reload(offices("http://127.0.0.1:1", true, []string{"www"}, nil)) // the first configuration is two behind
	r.ends(open["acme"], sockets.CodePolicy)
	if err := open["www"].Write(sockets.Text, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	r.reads(open["www"], "still here")
}

func TestW4AReloadThatRemovesATenantClosesWebsocketsThatPassThrough(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(uppercaseEcho))
	t.Cleanup(app.Close)
	r := serveText(t, offices(app.URL, false, []string{"www", "shop"}, []string{"acme", "umbra"}))
	open := map[string]io.Reader{}
	for _, name := range []string{"shop", "acme", "umbra"} {
		_, open[name] = r.upgradeOf(name)
	}
	stays, echo := r.upgradeOf("www")
	r.reload(offices(app.URL, false, []string{"www"}, []string{"acme"}))
	r.reload(offices(app.URL, false, []string{"www"}, nil))
	for name, from := range open {
		if rest, err := io.ReadAll(from); string(rest) != "\x88\x02\x03\xf0" {
			t.Errorf("%s: read %q, %v, expected 1008", name, rest, err)
		}
	}
	writeAll(t, stays, []byte("still here\n"))
	expectRead(t, echo, []byte("STILL HERE\n"))
}
