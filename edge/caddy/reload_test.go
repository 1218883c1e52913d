package tenantedge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/tenantedge/tenantedge/assets"
)

// echo makes the application answer websocket messages with the schema and the
// message.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	schema := r.Header.Get("Tenant")
	go func() {
		defer conn.Close()
		for {
			message, err := wsutil.ReadClientText(conn)
			if err != nil {
				return
			}
			if err := wsutil.WriteServerText(conn, []byte(schema+": "+string(message))); err != nil {
				return
			}
		}
	}()
}

const sockets = tenants + `
ws_urlconfs:
  sockets: [{path: ws/, name: echo, upstream: "@ws"}]
`

func (w *world) socketsFile(extra string) {
	w.Helper()
	yaml := strings.NewReplacer("default: {URLCONF: app}", "default: {URLCONF: app, WS_URLCONF: sockets}", "@ws", "ws://@host").Replace(sockets)
	w.edgeFile(yaml + extra)
}

// dial opens a websocket. The status is that of a refusal.
func (w *world) dial(host string, fields ...string) (net.Conn, int) {
	w.Helper()
	return w.dialPath(host, "/ws/", fields...)
}

func (w *world) dialPath(host, path string, fields ...string) (net.Conn, int) {
	w.Helper()
	header := http.Header{"Origin": {"http://" + host}}
	for i := 0; i+1 < len(fields); i += 2 {
		header[fields[i]] = []string{fields[i+1]}
	}
	conn, _, _, err := ws.Dialer{
		Header: ws.HandshakeHeaderHTTP(header),
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", w.address)
		},
	}.Dial(w.Context(), "ws://"+host+path)
	var status ws.StatusError
	if errors.As(err, &status) {
		return nil, int(status)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	return conn, 101
}

// frame reads a short frame.
func frame(conn net.Conn) (ws.OpCode, []byte, error) {
	header, err := ws.ReadHeader(conn)
	if err != nil || header.Length > 1<<10 {
		return 0, nil, errors.Join(err, fmt.Errorf("a frame of %d bytes", header.Length))
	}
	payload := make([]byte, header.Length)
	_, err = io.ReadFull(conn, payload)
	return header.OpCode, payload, err
}

// talk sends a message and expects the echo.
func talk(t *testing.T, conn net.Conn, schema string) {
	t.Helper()
	if err := wsutil.WriteClientText(conn, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	answer, err := wsutil.ReadServerText(conn)
	if err != nil {
		t.Fatal(err)
	}
	if want := schema + ": hello"; string(answer) != want {
		t.Fatalf("the answer is %q, expected %q", answer, want)
	}
}

func TestWebsocketsAreServed(t *testing.T) {
	for name, site := range map[string]string{
		"targets":       "tenantedge\ntenantedge_websocket\nrespond next",
		"serve":         "tenantedge_serve",
		"reverse_proxy": "tenantedge\nreverse_proxy @host",
		"upstreams":     "tenantedge\nreverse_proxy {\n dynamic tenantedge\n}",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.socketsFile("")
			w.load(oneEdge, site)
			for _, schema := range []string{"acme", "globex"} {
				conn, status := w.dial(schema + ".test")
				if status != 101 {
					t.Fatalf("status %d", status)
				}
				talk(t, conn, schema)
			}
			before := w.app.requests.Load()
			if _, status := w.dial("acme.test", "Origin", "http://evil.test"); status != 403 {
				t.Errorf("from a page of another site: %d, expected 403", status)
			}
			if _, status := w.dial("unknown.test"); status != 404 {
				t.Errorf("without a tenant: %d, expected 404", status)
			}
			if n := w.app.requests.Load() - before; n != 0 {
				t.Errorf("%d refused handshakes reached the application", n)
			}
		})
	}
}

func TestRefusedHandshakesAreLeftToTheRoutesForErrors(t *testing.T) {
	w := newWorld(t)
	w.socketsFile("")
	w.load(oneEdge, "tenantedge {\n leave_errors\n}\ntenantedge_websocket\nhandle_errors {\n respond \"mine {err.status_code}\" 418\n}")
	for _, c := range [][2]string{{"unknown.test", "/ws/"}, {"acme.test", "/other/"}} {
		if _, status := w.dialPath(c[0], c[1]); status != 418 {
			t.Errorf("%s: %d, expected 418", c, status)
		}
	}
}

func TestAReloadKeepsAnEdgeThatHasNotChanged(t *testing.T) {
	w := newWorld(t)
	w.socketsFile("")
	const site = "tenantedge\ntenantedge_websocket\nreverse_proxy @host"
	w.load(oneEdge, site)
	conn, _ := w.dial("acme.test")
	talk(t, conn, "acme")
	generation := w.state()["directory"].(map[string]any)["synced_at"]
	for i := range 3 {
		w.load(oneEdge, site+fmt.Sprintf("\nheader X-Load %d", i))
		if got := w.state()["directory"].(map[string]any)["synced_at"]; got != generation {
			t.Errorf("reload %d loaded the directory again", i)
		}
		if a := w.get("acme.test", "/"); a.seen.Header.Get("Tenant") != "acme" || a.Header.Get("X-Load") != fmt.Sprint(i) {
			t.Errorf("after reload %d: %d", i, a.StatusCode)
		}
		talk(t, conn, "acme")
	}
	// One that has changed replaces it, and closes the websockets.
	w.socketsFile("guard_headers: [X-Mine]\n")
	w.load(oneEdge, site)
	if a := w.get("acme.test", "/", "X-Mine", "forged"); a.seen.Header.Get("X-Mine") != "" || a.seen.Header.Get("Tenant") != "acme" {
		t.Errorf("the changed edge does not run: %v", a.seen.Header)
	}
	op, payload, err := frame(conn)
	if err != nil || op != ws.OpClose {
		t.Fatalf("expected a close frame, found %v, %v", op, err)
	}
	if code, _ := ws.ParseCloseFrameData(payload); code != 1001 {
		t.Errorf("the websocket is closed with %d, expected 1001", code)
	}
}

func TestAFailedReloadKeepsTheEdge(t *testing.T) {
	w := newWorld(t)
	w.socketsFile("")
	const site = "tenantedge\ntenantedge_websocket\nreverse_proxy @host"
	w.load(oneEdge, site)
	conn, _ := w.dial("acme.test")
	good, err := os.ReadFile(w.dir + "/tenantedge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"malformed":      "tenants: [",
		"unknown key":    "tenents: {}",
		"no directory":   "tenants: {default: {URLCONF: app}}\nurlconfs: {app: {reply: {}}}\ndirectory: {source: file, path: missing.yaml}",
		"no database":    "tenants: {default: {URLCONF: app}}\nurlconfs: {app: {reply: {}}}\ndirectory: {source: postgres, dsn: 'postgres://127.0.0.1:1/none'}",
		"no guest":       "guest: {path: missing.wasm}",
		"a guest broken": "guest: {path: tenantedge.yaml}",
	} {
		w.write(w.dir+"/tenantedge.yaml", bad)
		if err := w.reload("tenantedge {\n config @file\n load_timeout 2s\n}", site); err == nil || !strings.Contains(err.Error(), "edge default") {
			t.Errorf("%s: the error is %v", name, err)
		}
		if a := w.get("acme.test", "/"); a.seen.Header.Get("Tenant") != "acme" {
			t.Errorf("%s: the old edge does not serve: %d", name, a.StatusCode)
		}
		talk(t, conn, "acme")
	}
	// The right content runs as before, also after an error elsewhere.
	w.write(w.dir+"/tenantedge.yaml", string(good))
	if err := w.reload(oneEdge, site+"\nreverse_proxy {\n dynamic tenantedge other\n}"); err == nil {
		t.Error("a module that names an edge that does not exist is accepted")
	}
	w.load(oneEdge, site)
	talk(t, conn, "acme")
}

func TestAChangedGuestIsSwappedInByAReload(t *testing.T) {
	w := newWorld(t)
	guest := w.dir + "/guest.wasm"
	w.write(guest, string(assets.Router))
	w.socketsFile("guest: {path: guest.wasm}\n")
	const site = "tenantedge\ntenantedge_websocket\nreverse_proxy @host"
	w.load(oneEdge, site)
	conn, _ := w.dial("acme.test")
	digest := w.state()["guest"].(map[string]any)["digest"]

	w.write(guest, "not Wasm")
	if err := w.reload(oneEdge, site+"\nheader X-Load 1"); err == nil || !strings.Contains(err.Error(), "guest") {
		t.Errorf("a reload with a guest that is refused: %v", err)
	}
	if got := w.state()["guest"].(map[string]any)["digest"]; got != digest {
		t.Errorf("the guest is %v, expected %v", got, digest)
	}
	// A custom section makes it another module that does the same.
	w.write(guest, string(assets.Router)+"\x00\x03\x01x\x00")
	w.load(oneEdge, site+"\nheader X-Load 2")
	if got := w.state()["guest"].(map[string]any)["digest"]; got == digest {
		t.Error("the reload did not swap in the new guest")
	}
	talk(t, conn, "acme") // no websocket was closed
	if a := w.get("globex.test", "/"); a.seen.Header.Get("Tenant") != "globex" {
		t.Errorf("the new guest does not route: %d", a.StatusCode)
	}
}

func TestAnEdgeMayBeInline(t *testing.T) {
	w := newWorld(t)
	w.load("tenantedge one {\n inline <<YAML\n tenants: {www: {DOMAINS: [one.test], URLCONF: x}}\n urlconfs: {x: {reply: {body: one}}}\n YAML\n}\n"+
		"tenantedge two {\n inline `{\"tenants\": {\"www\": {\"DOMAINS\": [\"two.test\"], \"URLCONF\": \"x\"}}, \"urlconfs\": {\"x\": {\"reply\": {\"body\": \"two\"}}}}`\n}",
		"@one host one.test\ntenantedge_serve @one one\ntenantedge_serve two")
	for _, name := range []string{"one", "two"} {
		if a := w.get(name+".test", "/"); a.body != name {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
	}
	if a := w.get("other.test", "/"); a.StatusCode != 404 {
		t.Errorf("other: %d", a.StatusCode)
	}
}

func TestStoppingClosesEdges(t *testing.T) {
	w := newWorld(t)
	w.socketsFile("")
	w.load(oneEdge, "tenantedge\ntenantedge_websocket\nreverse_proxy @host")
	conn, _ := w.dial("acme.test")
	talk(t, conn, "acme")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if op, _, err := frame(conn); err != nil || op != ws.OpClose {
		t.Errorf("expected a close frame, found %v, %v", op, err)
	}
}

// state returns what the admin endpoint reports of the only edge.
func (w *world) state() map[string]any {
	w.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(w.adminGet("/tenantedge/")), &all); err != nil {
		w.Fatal(err)
	}
	return all["default"]
}
