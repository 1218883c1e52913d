package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestAHandlerGetsTenantValuesAndSubprotocol(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"room": stubHandler{
		connect: func(r *websocket.Request) error {
			r.ResponseHeader.Set("X-Seen", fmt.Sprint(r.Tenant.Schema, " ", r.Tenant.Routing.Folder, " ", r.URL.Path, " ", r.Route, " ", r.Value("room"), " ", r.Value("page"), " ", r.Value("none"), r.Protocols))
			r.Protocol = r.Protocols[1]
			return nil
		},
		message: func(s *websocket.Conn, text string) {
			_ = s.Send(websocket.Text, []byte(strings.Join([]string{text, s.Schema(), s.Route(), s.Protocol()}, " ")))
		},
	}}, nil)
	for _, c := range []struct{ host, path, seen, reply string }{
		{"acme.example.com", "/room/blue/7/", "acme  /room/blue/7/ room blue 7 [one two]", "hello acme room two"},
		{"shared.example.com", "/two/room/a%20b/8/", "t2 two /room/a b/8/ room a b 8 [one two]", "hello t2 room two"},
	} {
		client := w.open(c.host, c.path, "Sec-Websocket-Protocol", "one, two")
		if got := client.Header().Get("X-Seen"); got != c.seen {
			t.Errorf("the handler received %q, expected %q", got, c.seen)
		}
		sends(t, client, "hello")
		receives(t, client, c.reply)
	}
}

func TestARejectedHandshakeIsAStatus(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{
		"echo": stubHandler{},
		"rejects": stubHandler{connect: func(*websocket.Request) error {
			return &websocket.Rejection{Status: http.StatusForbidden, Reason: "not you"}
		}},
		"fails":  stubHandler{connect: func(*websocket.Request) error { return errors.New("the secret reason") }},
		"panics": stubHandler{connect: func(*websocket.Request) error { panic("the secret reason") }},
		"lies":   stubHandler{connect: func(r *websocket.Request) error { r.Protocol = "never offered"; return nil }},
		"full":   stubHandler{},
	}, func(c *Config) { c.Websockets.Limits.Connections = 1 })
	w.open("shared.example.com", "/two/full/a/1/")
	for _, c := range []struct {
		name, host, path string
		headers          []string
		want             int
	}{
		{"an allowed handshake", "acme.example.com", "/echo/a/1/", nil, 101},
		{"a host without a tenant", "unknown.example.com", "/echo/a/1/", nil, 404},
		{"a path without a route", "acme.example.com", "/other/", nil, 404},
		{"a value that does not match the route", "acme.example.com", "/echo/a/b/", nil, 404},
		{"a tenant without a route table", "example.com", "/chat/", nil, 404},
		{"another origin", "acme.example.com", "/echo/a/1/", []string{"Origin", "http://evil.example.net"}, 403},
		{"no origin", "acme.example.com", "/echo/a/1/", []string{"Origin", ""}, 403},
		{"the handler rejects", "acme.example.com", "/rejects/a/1/", nil, 403},
		{"the handler fails", "acme.example.com", "/fails/a/1/", nil, 500},
		{"the handler panics", "acme.example.com", "/panics/a/1/", nil, 500},
		{"the handler chooses a subprotocol that was not offered", "acme.example.com", "/lies/a/1/", nil, 500},
		{"a websocket above the tenant's limit", "shared.example.com", "/two/full/a/1/", nil, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.eventually("the earlier sockets are closed", func() bool { return w.host.WebsocketStats().Tenants == 1 }) // only the open one; those in a handshake count too
			status, body := w.status(c.host, c.path, c.headers...)
			if status != c.want {
				t.Errorf("got status %d %q, expected %d", status, body, c.want)
			}
			if strings.Contains(body, "secret") {
				t.Errorf("the answer contains the error's text: %q", body)
			}
		})
	}
	plain, err := http.NewRequest(http.MethodGet, w.server.URL+"/echo/a/1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	plain.Host = "acme.example.com"
	do := func(r *http.Request) *http.Response {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close() // the body does not matter
		return answer
	}
	if answer := do(plain); answer.StatusCode != http.StatusTeapot {
		t.Errorf("a request without a handshake got %v, expected the next handler", answer)
	}
	for _, headers := range [][]string{{"Sec-WebSocket-Version", "8"}, {}} {
		old := plain.Clone(t.Context())
		old.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		for i := 0; i < len(headers); i += 2 {
			old.Header.Set(headers[i], headers[i+1])
		}
		if answer := do(old); answer.StatusCode != http.StatusUpgradeRequired || answer.Header.Get("Sec-Websocket-Version") != "13" {
			t.Errorf("another version got %v, expected 426 with the supported version", answer)
		}
	}
}

func TestW3AnOriginIsOneOfTheTenantsOwnOrListed(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}, "open": stubHandler{}}, func(c *Config) {
		c.Websockets.Origins = []string{"https://app.example.net", "*.apps.example.net"}
		c.Websockets.OriginsAttribute = "origins"
		target := c.Websockets.Targets["ws"]["open"]
		target.Origins = []string{"*"}
		c.Websockets.Targets["ws"]["open"] = target
	})
	for _, c := range []struct {
		host, path, origin string
		want               int
	}{
		{"acme.example.com", "/echo/a/1/", "https://acme.example.com", 101},
		{"acme.example.com:8080", "/echo/a/1/", "http://acme.example.com:8080", 101},
		{"acme.example.com", "/echo/a/1/", "https://shop.example.com", 101},
		{"acme.example.com", "/echo/a/1/", "https://www.shop.example.com", 101},
		{"shared.example.com", "/acme/echo/a/1/", "https://acme.example.com", 101},
		{"acme.example.com", "/echo/a/1/", "https://shop.example.com:444", 403},
		{"acme.example.com", "/echo/a/1/", "https://shared.example.com", 403}, // other tenants have folders there
		{"acme.example.com", "/echo/a/1/", "https://t1.example.com", 403},
		{"acme.example.com", "/echo/a/1/", "https://example.com", 403},
		{"acme.example.com", "/echo/a/1/", "https://evil-acme.example.com", 403},
		{"acme.example.com", "/echo/a/1/", "https://acme.example.com.evil.net", 403},
		{"acme.example.com", "/echo/a/1/", "null", 403},
		{"acme.example.com", "/echo/a/1/", "https://app.example.net", 101},
		{"acme.example.com", "/echo/a/1/", "http://app.example.net", 403},
		{"acme.example.com", "/echo/a/1/", "http://one.apps.example.net", 101},
		{"acme.example.com", "/echo/a/1/", "http://apps.example.net", 403},
		{"acme.example.com", "/echo/a/1/", "https://partner.example.net", 101},
		{"acme.example.com", "/echo/a/1/", "http://other.example.net:8443", 101},
		{"t1.example.com", "/echo/a/1/", "https://partner.example.net", 403},
		{"t1.example.com", "/open/a/1/", "https://anybody.example.org", 101},
		{"t1.example.com", "/open/a/1/", "", 403},
	} {
		if status, _ := w.status(c.host, c.path, "Origin", c.origin); status != c.want {
			t.Errorf("%s%s from %q got status %d, expected %d", c.host, c.path, c.origin, status, c.want)
		}
	}
}

// TestW3HoldsForWebsocketsThatPassThrough: without targets the application gets the
// handshakes. It may not check origins, so the edge does.
func TestW3HoldsForWebsocketsThatPassThrough(t *testing.T) {
	w := newSocketWorld(t, nil, func(c *Config) {
		c.GuestConfig.WSURLConfs, c.Websockets = nil, websocket.Config{Origins: []string{"https://app.example.net"}, OriginsAttribute: "origins"}
		c.GuestConfig.Default.WSURLConf = ""
	})
	const passed = http.StatusTeapot
	for _, c := range []struct {
		name, host, path string
		headers          []string
		want             int
	}{
		{"a page of the same host", "acme.example.com", "/any/", nil, passed},
		{"a page of the tenant's other domain", "acme.example.com", "/any/", []string{"Origin", "https://shop.example.com"}, passed},
		{"a page in Origins", "acme.example.com", "/any/", []string{"Origin", "https://app.example.net"}, passed},
		{"a page in the tenant's origins", "acme.example.com", "/any/", []string{"Origin", "https://partner.example.net"}, passed},
		{"a program", "acme.example.com", "/any/", []string{"Origin", ""}, passed},
		{"a browser without an Origin header", "acme.example.com", "/any/", []string{"Origin", "", "User-Agent", "Mozilla/5.0"}, 403},
		{"a page of another tenant", "acme.example.com", "/any/", []string{"Origin", "https://t1.example.com"}, 403},
		{"a page with the origin null", "acme.example.com", "/any/", []string{"Origin", "null"}, 403},
		{"a page of an unknown site", "acme.example.com", "/any/", []string{"Origin", "https://evil.example.net"}, 403},
	} {
		if status, body := w.status(c.host, c.path, c.headers...); status != c.want {
			t.Errorf("%s got status %d %q, expected %d", c.name, status, body, c.want)
		}
	}
}

func TestW3ProgramsMayOmitTheOriginWhereAllowed(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, func(c *Config) { c.Websockets.WithoutOrigin = true })
	if status, _ := w.status("acme.example.com", "/echo/a/1/", "Origin", ""); status != 101 {
		t.Errorf("a program got status %d", status)
	}
	if status, _ := w.status("acme.example.com", "/echo/a/1/", "Origin", "", "Sec-Fetch-Mode", "websocket"); status != 403 {
		t.Errorf("a browser got status %d, expected 403", status)
	}
}

// chat returns a handler whose websockets are in the group chat and send their
// messages to it.
func chat() stubHandler {
	return stubHandler{
		open: func(s *websocket.Conn) {
			if err := s.Groups().Add(context.Background(), "chat"); err != nil {
				_ = s.Close(1011, err.Error())
				return
			}
			_ = s.Send(websocket.Text, []byte("in"))
		},
		message: func(s *websocket.Conn, text string) {
			if text == "leave" {
				s.Groups().Discard("chat")
				return
			}
			_ = s.Groups().SendText(context.Background(), "chat", text)
		},
	}
}

func TestW1AGroupBelongsToOneTenant(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"chat": chat()}, nil)
	acme, other, two := w.open("acme.example.com", "/chat/a/1/"), w.open("shop.example.com", "/chat/a/1/"), w.open("shared.example.com", "/two/chat/a/1/")
	for _, c := range []*sockets.Client{acme, other, two} {
		receives(t, c, "in")
	}
	sends(t, acme, "of acme")
	receives(t, acme, "of acme")
	receives(t, other, "of acme")
	sends(t, two, "of two") // a message of the other tenant would come first
	receives(t, two, "of two")
	scope, err := w.host.Channels("acme")
	if err != nil {
		t.Fatal(err)
	}
	m, err := channel.NewMessage("websocket.send", channel.Field{Name: "text", Value: "from outside"})
	if err != nil {
		t.Fatal(err)
	}
	if err := scope.GroupSend(t.Context(), "chat", m); err != nil {
		t.Fatal(err)
	}
	receives(t, acme, "from outside")
	receives(t, other, "from outside")
	sends(t, other, "leave")
	sends(t, other, "to the rest")
	receives(t, acme, "to the rest")
	if _, err := w.host.Channels("unknown"); !errors.Is(err, ErrUnknownTenant) {
		t.Errorf("Channels of an unknown tenant returned %v", err)
	}
	if s := w.host.WebsocketStats(); s.Channels.Memberships != 2 || s.Tenants != 2 || !s.Served {
		t.Errorf("the statistics are %+v", s)
	}
	_ = acme.Drop()
	w.eventually("the closed socket is removed from its groups", func() bool { return w.host.WebsocketStats().Channels.Channels == 2 })
}

func TestW4RemovingATenantClosesItsSockets(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, nil)
	acme, two := w.open("acme.example.com", "/echo/a/1/"), w.open("shared.example.com", "/two/echo/a/1/")
	began := time.Now()
	w.host.config.Directory.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "3"}, Removed: true}})
	isClosed(t, acme, sockets.CodePolicy)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closed after %v, expected at most 5 s", took)
	}
	sends(t, two, "still here")
	receives(t, two, "still here")
	if status, _ := w.status("acme.example.com", "/echo/a/1/"); status != 404 {
		t.Errorf("a removed tenant got status %d", status)
	}
	if n := w.host.WebsocketStats().Removed; n != 1 {
		t.Errorf("%d sockets were closed, expected 1", n)
	}
}

// When the schema of a tenant changes, its websockets are closed and its old groups
// have no members.
func TestW4ATenantOfANewSchemaHasNewGroups(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"chat": chat()}, nil)
	before := w.open("acme.example.com", "/chat/a/1/")
	receives(t, before, "in")
	old, err := w.host.Channels("acme")
	if err != nil {
		t.Fatal(err)
	}
	report := w.host.config.Directory.Apply([]tenantdb.Change{{
		Tenant:  tenantdb.Tenant{ID: "3", Schema: "renamed"},
		Domains: []tenantdb.Domain{{TenantID: "3", Domain: "acme.example.com", IsPrimary: true}},
	}})
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	after := w.open("acme.example.com", "/chat/a/1/")
	receives(t, after, "in")
	isClosed(t, before, sockets.CodePolicy)
	fresh, err := w.host.Channels("renamed")
	if err != nil {
		t.Fatal(err)
	}
	for scope, text := range map[channel.Scope]string{old: "to the former name", fresh: "to the new name"} {
		m, err := channel.NewMessage("websocket.send", channel.Field{Name: "text", Value: text})
		if err == nil {
			err = scope.GroupSend(t.Context(), "chat", m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	receives(t, after, "to the new name")
	w.eventually("the old groups are empty", func() bool { return old.Stats().Channels == 0 && old.Stats().Memberships == 0 })
	if _, err := w.host.Channels("acme"); !errors.Is(err, ErrUnknownTenant) {
		t.Errorf("Channels of the former schema returned %v", err)
	}
}

func TestW5OneTenantsExcessAffectsNoOther(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, func(c *Config) {
		c.Websockets.Limits = websocket.Limits{Messages: 1, Burst: 3, Connections: 2}
	})
	acme, two := w.open("acme.example.com", "/echo/a/1/"), w.open("shared.example.com", "/two/echo/a/1/")
	for range 3 {
		sends(t, acme, "x")
		receives(t, acme, "x")
	}
	_ = acme.Write(sockets.Text, []byte("x"))
	_ = acme.Write(sockets.Text, []byte("x"))
	for {
		if _, _, err := acme.Read(); err != nil {
			var closed *sockets.CloseError
			if !errors.As(err, &closed) || closed.Code != sockets.CodeTryLater {
				t.Errorf("a client above the message rate was closed with %v, expected 1013", err)
			}
			break
		}
	}
	sends(t, two, "mine")
	receives(t, two, "mine")
}

// breakingLayer is a layer whose receivers the test can interrupt.
type breakingLayer struct {
	*channel.Memory
	mu        sync.Mutex
	receivers []channel.Receiver
}

func (b *breakingLayer) For(schema string) (channel.Scope, error) {
	scope, err := b.Memory.For(schema)
	return breakingScope{scope, b}, err
}

func (b *breakingLayer) interrupt(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.receivers {
		r.Interrupted(err)
	}
}

type breakingScope struct {
	channel.Scope
	layer *breakingLayer
}

func (s breakingScope) Open(ctx context.Context, r channel.Receiver) (*channel.Channel, error) {
	s.layer.mu.Lock()
	s.layer.receivers = append(s.layer.receivers, r)
	s.layer.mu.Unlock()
	return s.Scope.Open(ctx, r)
}

// resilient is a handler whose consumers handle interruptions and group messages.
type resilient struct{ stubHandler }

func (h resilient) Connect(*websocket.Request) (websocket.Consumer, error) { return h, nil }
func (resilient) Group(s *websocket.Conn, m *channel.Message) {
	if m.Type() == "panic" {
		panic("on request")
	}
	_ = s.Send(websocket.Text, []byte("got "+m.Type()))
}
func (resilient) Interrupted(s *websocket.Conn, err error) {
	_ = s.Send(websocket.Text, []byte(fmt.Sprint(err)))
}

func TestW6ABrokenLayerClosesSocketsOrNotifiesThem(t *testing.T) {
	memory, err := channel.NewMemory(channel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	layer := &breakingLayer{Memory: memory}
	w := newSocketWorld(t, map[string]websocket.Handler{"chat": chat(), "firm": resilient{chat()}}, func(c *Config) {
		c.Channels = layer
	})
	plain, firm := w.open("acme.example.com", "/chat/a/1/"), w.open("acme.example.com", "/firm/a/1/")
	receives(t, plain, "in")
	receives(t, firm, "in")
	layer.interrupt(fmt.Errorf("%w: for a test", channel.ErrBroken))
	isClosed(t, plain, sockets.CodeRestart)
	receives(t, firm, "channel: the layer is broken: for a test")
	layer.interrupt(nil)
	receives(t, firm, "<nil>")
	if n := w.host.WebsocketStats().Interrupted; n != 1 {
		t.Errorf("%d sockets were closed, expected 1", n)
	}
	for _, kind := range []string{"chat.message", "panic"} {
		m, err := channel.NewMessage(kind)
		if err != nil {
			t.Fatal(err)
		}
		scope, err := layer.For("acme")
		if err == nil {
			err = scope.GroupSend(t.Context(), "chat", m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	receives(t, firm, "got chat.message")
	isClosed(t, firm, sockets.CodeInternal)
}

func TestABlockingHandlerReadsAndWrites(t *testing.T) {
	ended := make(chan error, 1)
	begin := make(chan struct{})
	w := newSocketWorld(t, map[string]websocket.Handler{"talk": websocket.Blocking{Protocols: []string{"talk"}, Serve: func(ctx context.Context, s *websocket.Stream) error {
		<-begin
		if found, ok := tenant.From(ctx); !ok || found.Schema != "acme" || s.Request.Value("room") != "a" {
			return errors.New("another tenant")
		}
		for {
			kind, payload, err := s.Read(ctx)
			if err != nil {
				ended <- err
				return nil
			}
			switch string(payload) {
			case "bye":
				return nil
			case "fail":
				return errors.New("on request")
			case "panic":
				panic("on request")
			}
			if err := s.Write(ctx, kind, payload); err != nil {
				return err
			}
		}
	}}}, nil)
	open := func() *sockets.Client {
		return w.open("acme.example.com", "/talk/a/1/", "Sec-Websocket-Protocol", "other, talk")
	}
	first := open()
	if first.Protocol() != "talk" {
		t.Errorf("the subprotocol is %q", first.Protocol())
	}
	const many = 160 // ten times what Stream keeps
	for i := range many {
		sends(t, first, fmt.Sprint(i))
	}
	close(begin)
	for i := range many {
		receives(t, first, fmt.Sprint(i))
	}
	if err := first.Close(3000, "enough"); err != nil {
		t.Fatal(err)
	}
	var end *websocket.CloseError
	if err := <-ended; !errors.As(err, &end) || end.Code != 3000 || end.Reason != "enough" {
		t.Errorf("the handler received %v", err)
	}
	for text, code := range map[string]sockets.Code{"bye": sockets.CodeNormal, "fail": sockets.CodeInternal, "panic": sockets.CodeInternal} {
		c := open()
		sends(t, c, text)
		isClosed(t, c, code)
	}
}

func TestShutdownEndsEverySocketWith1001(t *testing.T) {
	received := make(chan int, 2)
	w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{closed: func(code int, _ string) { received <- code }}}, nil)
	all := []*sockets.Client{w.open("acme.example.com", "/echo/a/1/"), w.open("t1.example.com", "/echo/a/1/")}
	done := make(chan error, 1)
	go func() { done <- w.host.Shutdown(t.Context()) }()
	for _, c := range all {
		isClosed(t, c, sockets.CodeGoingAway)
		_ = c.Drop()
		if code := <-received; code != 1001 {
			t.Errorf("the handler received %d", code)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if status, _ := w.status("acme.example.com", "/echo/a/1/"); status != 503 {
		t.Errorf("after Shutdown, a handshake got status %d", status)
	}
}

func TestWebsocketsThatCannotBeServedAreRejectedAtTheStart(t *testing.T) {
	path := "chat/"
	for name, c := range map[string]struct {
		change func(*websocket.Config, map[string]websocket.Target)
		want   string
	}{
		"no target": {func(_ *websocket.Config, t map[string]websocket.Target) {
			delete(t, "chat")
			t["other"] = websocket.Target{Handler: "echo"}
		}, `expected an entry for the route "chat" of "ws", found none`},
		"two targets": {func(_ *websocket.Config, t map[string]websocket.Target) {
			t["chat"] = websocket.Target{Handler: "echo", Consumer: true}
		}, "expected exactly one of Upstream, Consumer and Handler"},
		"an unregistered handler":    {func(_ *websocket.Config, t map[string]websocket.Target) { t["chat"] = websocket.Target{Handler: "eco"} }, `expected a registered handler, found "eco"`},
		"a guest without websockets": {func(_ *websocket.Config, t map[string]websocket.Target) { t["chat"] = websocket.Target{Consumer: true} }, "expected a guest that handles websockets"},
		"an origin with a path":      {func(c *websocket.Config, _ map[string]websocket.Target) { c.Origins = []string{"https://a.example/x"} }, "expected an origin such as"},
		"an origin of a file":        {func(c *websocket.Config, _ map[string]websocket.Target) { c.Origins = []string{"file://a.example"} }, "that starts with http"},
		"an unknown compression":     {func(c *websocket.Config, _ map[string]websocket.Target) { c.Compression = "best" }, "expected off, per-message or with-context"},
		"a negative limit":           {func(c *websocket.Config, _ map[string]websocket.Target) { c.Limits.Message = -1 }, "expected a positive value"},
	} {
		t.Run(name, func(t *testing.T) {
			targets := map[string]websocket.Target{"chat": {Handler: "echo"}}
			config := websocket.Config{Targets: map[string]map[string]websocket.Target{"ws": targets}, Handlers: map[string]websocket.Handler{"echo": stubHandler{}}}
			c.change(&config, targets)
			h, err := New(t.Context(), Config{
				GuestConfig:  abi.Config{WSURLConfs: map[string][]abi.WSRoute{"ws": {{Path: &path, Name: "chat"}}}},
				CompileCache: compileCache, Websockets: config,
			})
			if err == nil {
				h.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, expected %q", err, c.want)
			}
		})
	}
}
