package edge

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// patience bounds how long a test waits. No wait is expected to take so long.
const patience = 30 * time.Second

// socketWorld is a server with websockets. It has the tenants of newHost and acme
// (acme.example.com, shop.example.com and shared.example.com/acme/).
type socketWorld struct {
	*testing.T
	host   *Host
	server *httptest.Server
}

// routes returns a route table and its targets, from lines like "path name".
func routes(target func(name string) websocket.Target, lines ...string) (table []abi.WSRoute, targets map[string]websocket.Target) {
	targets = map[string]websocket.Target{}
	for _, line := range lines {
		path, name, _ := strings.Cut(line, " ")
		table = append(table, abi.WSRoute{Path: &path, Name: name})
		targets[name] = target(name)
	}
	return table, targets
}

// byHandler returns the handler with the name of the route.
func byHandler(name string) websocket.Target { return websocket.Target{Handler: name} }

func newSocketWorld(t *testing.T, handlers map[string]websocket.Handler, change func(*Config)) *socketWorld {
	t.Helper()
	w := &socketWorld{T: t}
	w.host = newHost(t, func(c *Config) {
		report := c.Directory.Apply([]tenantdb.Change{{
			Tenant: tenantdb.Tenant{ID: "3", Schema: "acme", Attributes: []tenantdb.Attribute{{Name: "origins", Value: "https://partner.example.net, other.example.net:8443"}}},
			Domains: []tenantdb.Domain{
				{TenantID: "3", Domain: "acme.example.com", IsPrimary: true},
				{TenantID: "3", Domain: "shop.example.com"},
				{TenantID: "3", Domain: "shared.example.com", Folder: "acme"},
			},
		}})
		if len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
		c.GuestConfig.Default.WSURLConf = "ws"
		var lines []string
		for name := range handlers {
			lines = append(lines, name+"/<str:room>/<int:page>/ "+name)
		}
		table, targets := routes(byHandler, lines...)
		c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": table}
		c.Websockets = websocket.Config{Targets: map[string]map[string]websocket.Target{"ws": targets}, Handlers: handlers}
		if change != nil {
			change(c)
		}
	})
	w.server = serveSockets(w.host.Middleware(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusTeapot)
	})))
	t.Cleanup(w.server.Close)
	return w
}

// dial opens a websocket on a host, with the host's Origin unless headers have another
// one; an empty value removes a header. For a status other than 101 the error is a
// *sockets.StatusError.
func (w *socketWorld) dial(host, path string, headers ...string) (*sockets.Client, error) {
	w.Helper()
	header := http.Header{"Origin": {"http://" + host}}
	for i := 0; i < len(headers); i += 2 {
		if header[headers[i]] = []string{headers[i+1]}; headers[i+1] == "" {
			delete(header, headers[i])
		}
	}
	u, err := url.Parse(w.server.URL + path)
	if err != nil {
		w.Fatal(err)
	}
	dialer := &sockets.Dialer{HandshakeTimeout: patience, HeaderBytes: 1 << 20, HeaderFields: 1000}
	up, err := dialer.Dial(w.Context(), &http.Request{URL: u, Host: host, Header: header})
	if err != nil {
		return nil, err
	}
	c := sockets.NewClient(up, 32<<20)
	_ = c.SetDeadline(time.Now().Add(patience))
	w.Cleanup(func() { _ = c.Drop() })
	return c, nil
}

func (w *socketWorld) open(host, path string, headers ...string) *sockets.Client {
	w.Helper()
	c, err := w.dial(host, path, headers...)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// status dials and returns the status and body of the answer; the status is 101 if
// the handshake is accepted.
func (w *socketWorld) status(host, path string, headers ...string) (status int, body string) {
	w.Helper()
	c, err := w.dial(host, path, headers...)
	var rejected *sockets.StatusError
	switch {
	case errors.As(err, &rejected):
		text, _ := io.ReadAll(rejected.Response.Body)
		rejected.Response.Body.Close()
		return rejected.Response.StatusCode, string(text)
	case err != nil:
		w.Fatal(err)
	}
	_ = c.Drop()
	return http.StatusSwitchingProtocols, ""
}

func sends(t *testing.T, c *sockets.Client, text string) {
	t.Helper()
	if err := c.Write(sockets.Text, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receives(t *testing.T, c *sockets.Client, want string) {
	t.Helper()
	if _, got, err := c.Read(); err != nil || string(got) != want {
		t.Fatalf("received %q, %v, expected %q", got, err, want)
	}
}

// isClosed expects a close frame next.
func isClosed(t *testing.T, c *sockets.Client, code sockets.Code) {
	t.Helper()
	_, got, err := c.Read()
	var closed *sockets.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		t.Fatalf("received %q, %v, expected the close with %d", got, err, code)
	}
}

// stubHandler is a handler whose methods call functions. Without message it echoes; other
// nil functions do nothing.
type stubHandler struct {
	connect func(*websocket.Request) error
	open    func(*websocket.Conn)
	message func(*websocket.Conn, string)
	closed  func(code int, reason string)
}

func (e stubHandler) Connect(r *websocket.Request) (websocket.Consumer, error) {
	if e.connect != nil {
		return e, e.connect(r)
	}
	return e, nil
}

func (e stubHandler) Open(s *websocket.Conn) {
	if e.open != nil {
		e.open(s)
	}
}

func (e stubHandler) Message(s *websocket.Conn, kind websocket.Kind, payload []byte) {
	if e.message != nil {
		e.message(s, string(payload))
		return
	}
	_ = s.Send(kind, payload)
}

func (e stubHandler) Closed(_ *websocket.Conn, code int, reason string) {
	if e.closed != nil {
		e.closed(code, reason)
	}
}

func (w *socketWorld) eventually(what string, holds func() bool) {
	w.Helper()
	until(w.T, what, holds)
}

// until waits for a condition that other goroutines make true.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("timed out after %v: %s", patience, what)
		}
	}
}
