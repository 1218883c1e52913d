package serve

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
)

// tokens are an operator, readers, and tokens that begin alike.
func tokens() []adminToken {
	return []adminToken{
		newAdminToken("deploy", config.RoleOperate, "operate-0123456789"),
		newAdminToken("longer", config.RoleOperate, "operate-0123456789-and-more"),
		newAdminToken("grafana", config.RoleRead, "read-0123456789abcdef"),
	}
}

func TestO9ATokenAllowsWhatItsRoleDoes(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AdminTokens = tokens() })
	for _, c := range []struct {
		name   string
		method string
		path   string
		fields []string // Authorization
		want   int
		who    string // in the audit log; empty: there is no record
	}{
		{"a reader shows the guest", "GET", "/guest", []string{"Bearer read-0123456789abcdef"}, 200, ""},
		{"an operator shows the guest", "GET", "/guest", []string{"Bearer operate-0123456789"}, 200, ""},
		{"a reader swaps the guest", "PUT", "/guest", []string{"Bearer read-0123456789abcdef"}, 403, "grafana"},
		{"a reader rolls back", "POST", "/guest/rollback", []string{"Bearer read-0123456789abcdef"}, 403, "grafana"},
		{"an operator swaps the guest", "PUT", "/guest", []string{"Bearer operate-0123456789"}, 200, "deploy"},
		{"an operator rolls back", "POST", "/guest/rollback", []string{"Bearer operate-0123456789"}, 409, "deploy"},
		{"a token that another one begins with", "PUT", "/guest", []string{"Bearer operate-0123456789-and-more"}, 200, "longer"},
		{"the beginning of a token", "PUT", "/guest", []string{"Bearer operate-012345678"}, 401, ""},
		{"a token and more", "PUT", "/guest", []string{"Bearer operate-0123456789-and"}, 401, ""},
		{"another case", "PUT", "/guest", []string{"Bearer OPERATE-0123456789"}, 401, ""},
		{"two headers, one of them valid", "PUT", "/guest", []string{"Bearer operate-0123456789", "Bearer x"}, 401, ""},
		{"the same header twice", "GET", "/guest", []string{"Bearer operate-0123456789", "Bearer operate-0123456789"}, 401, ""},
		{"two tokens in a header", "PUT", "/guest", []string{"Bearer operate-0123456789, Bearer read-0123456789abcdef"}, 401, ""},
		{"an empty token", "PUT", "/guest", []string{"Bearer "}, 401, ""},
		{"none", "POST", "/guest/rollback", nil, 401, ""},
	} {
		before := len(w.logs.entries("audit"))
		r, err := http.NewRequest(c.method, "http://"+w.server.AdminAddr().String()+c.path, strings.NewReader(string(assets.Router)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = c.fields
		a := w.do(r)
		if a.StatusCode != c.want {
			t.Errorf("%s: %d %s, expected %d", c.name, a.StatusCode, a.body, c.want)
		}
		records := w.logs.entries("audit")[before:]
		if c.want == http.StatusOK && c.method == "GET" {
			if len(records) != 0 {
				t.Errorf("%s: recorded %v", c.name, records)
			}
			continue
		}
		if len(records) != 1 || records[0]["audit"] != c.method+" "+c.path || c.who != "" && records[0]["who"] != c.who || records[0]["peer"] == nil {
			t.Errorf("%s: recorded %v", c.name, records)
		}
	}
}

func TestO9TokensAreComparedWithAllOthers(t *testing.T) {
	r := httptest.NewRequest("GET", "/guest", nil)
	for i, want := range tokens() {
		r.Header.Set("Authorization", "Bearer "+[]string{"operate-0123456789", "operate-0123456789-and-more", "read-0123456789abcdef"}[i])
		if got := tokenOf(r, tokens()); got == nil || *got != want {
			t.Errorf("got %+v, expected %+v", got, want)
		}
	}
	if got := tokenOf(r, nil); got != nil {
		t.Errorf("without tokens: %+v", got)
	}
	r.Header.Del("Authorization")
	if got := tokenOf(r, tokens()); got != nil {
		t.Errorf("without a header: %+v", got)
	}
}

func TestO9SecretsOfTokensAreLongAndDifferent(t *testing.T) {
	t.Setenv("SERVE_TEST_A", "0123456789abcde")
	t.Setenv("SERVE_TEST_B", "0123456789abcdef")
	file := func(address string, variables ...string) *config.File {
		f := &config.File{Admin: address}
		for i, v := range variables {
			f.AdminTokens = append(f.AdminTokens, config.AdminToken{Name: fmt.Sprint("t", i), Role: config.RoleRead, SecretEnv: v})
		}
		return f
	}
	for _, c := range []struct {
		file *config.File
		want string
	}{
		{file("127.0.0.1:8081", "SERVE_TEST_A", "SERVE_TEST_B"), ""},
		{file("192.0.2.1:8081", "SERVE_TEST_B"), ""},
		{file("192.0.2.1:8081", "SERVE_TEST_A"), "t0: expected at least 16 bytes"},
		{file("127.0.0.1:8081", "SERVE_TEST_A", "SERVE_TEST_B", "SERVE_TEST_A"), "found that of t0 again for t2"},
		{file("127.0.0.1:8081", "SERVE_TEST_MISSING"), "SERVE_TEST_MISSING"},
	} {
		if _, err := adminTokens(c.file); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, expected %q", err, c.want)
		}
	}
}

func TestO9OtherMachinesNeedTLSAndAToken(t *testing.T) {
	pair := []config.Certificate{{Cert: "cert.pem", Key: "key.pem"}}
	for _, address := range []string{":8081", "0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081", "edge.internal:8081"} {
		for _, o := range []settings{{}, {AdminTLS: pair}, {AdminTokens: tokens()}} {
			o.Admin = address
			if err := checkAdmin(&o); err == nil || !strings.Contains(err.Error(), "or both admin_tls and admin_tokens") {
				t.Errorf("%s with %d certificates and %d tokens: %v", address, len(o.AdminTLS), len(o.AdminTokens), err)
			}
		}
		if err := checkAdmin(&settings{Admin: address, AdminTLS: pair, AdminTokens: tokens()}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// exposedAdmin returns the handler of an admin listener that other machines can
// reach, of a server that does not run.
func exposedAdmin(t *testing.T) http.Handler {
	t.Helper()
	s, err := newServer(t.Context(), edge.Config{CompileCache: compiled}, settings{
		Admin: "192.0.2.1:8081", AdminTLS: []config.Certificate{newCertificate(t, "edge.internal").pair}, AdminTokens: tokens(),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // nothing was served
	wishes, err := s.adminWishes(s.now())
	if err != nil || wishes[0].serve(s.now().options).TLSConfig == nil {
		t.Fatalf("%v, %v", wishes, err)
	}
	return wishes[0].serve(s.now().options).Handler
}

func ask(h http.Handler, peer, path, token string) int {
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.RemoteAddr = "192.0.2.1:8081", peer
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a := httptest.NewRecorder()
	h.ServeHTTP(a, r)
	return a.Code
}

func TestO9OtherMachinesNeedATokenForAllButTheProbes(t *testing.T) {
	h := exposedAdmin(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 401, "/guest": 401, "/tenants/acme": 401, "/": 401, "/healthz/": 401, "/healthz/../metrics": 401, "/missing": 401} {
		if got := ask(h, "192.0.2.7:1000", path, ""); got != want {
			t.Errorf("%s without a token: %d, expected %d", path, got, want)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/guest": 200, "/missing": 404} {
		if got := ask(h, "192.0.2.8:1000", path, "read-0123456789abcdef"); got != want {
			t.Errorf("%s with a token: %d, expected %d", path, got, want)
		}
	}
}

func TestO9APeerThatGuessesTokensIsSlowedDown(t *testing.T) {
	h := exposedAdmin(t)
	const valid = "read-0123456789abcdef"
	blocked := func(peer string) {
		t.Helper()
		// A busy machine may take so long that further guesses are allowed.
		for n := 0; ask(h, peer, "/guest", "guess") != http.StatusTooManyRequests; n++ {
			if n > 10000 {
				t.Fatal("a peer may guess without end")
			}
		}
	}
	blocked("192.0.2.7:1000")
	if got := ask(h, "192.0.2.8:1000", "/guest", valid); got != http.StatusOK {
		t.Errorf("another peer: %d", got)
	}
	if got := ask(h, "192.0.2.7:2000", "/healthz", ""); got != http.StatusOK {
		t.Errorf("a probe of the peer: %d", got)
	}
	(&world{T: t}).eventually("the peer may try again", func() bool { return ask(h, "192.0.2.7:1000", "/guest", valid) == http.StatusOK })
	for range 3 * guessBurst {
		if got := ask(h, "127.0.0.1:1000", "/guest", "guess"); got != http.StatusUnauthorized {
			t.Errorf("a peer on this machine: %d", got)
		}
	}
}

func TestPeersOfOneIPv6NetworkAreOnePeer(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7/32", "[::ffff:192.0.2.7]:1": "192.0.2.7/32", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
		"127.0.0.1:1": "", "[::1]:1": "", "[::ffff:127.0.0.1]:1": "", "@": "",
	} {
		got := peerOf(&http.Request{RemoteAddr: address})
		if want == "" && got.IsValid() || want != "" && got != netip.MustParsePrefix(want) {
			t.Errorf("%s: %v, expected %s", address, got, want)
		}
	}
}

func TestGuessesOfManyPeersTakeBoundedMemory(t *testing.T) {
	var g guesses
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range maxGuesses {
				peer := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), byte(i >> 8), byte(i)}), 32)
				g.failed(peer)
				g.blocked(peer)
			}
		})
	}
	all.Wait()
	if len(g.peers) > maxGuesses {
		t.Errorf("%d peers are remembered", len(g.peers))
	}
}

func TestO9TheAdminListenerServesTLS(t *testing.T) {
	cert := newCertificate(t, "edge.internal")
	w := start(t, func(s *setup) {
		s.options.AdminTLS, s.options.AdminTokens, s.options.AdminHosts = []config.Certificate{cert.pair}, tokens(), []string{"edge.internal"}
	})
	address := w.server.AdminAddr().String()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: cert.pool, ServerName: "edge.internal"},
	}}
	r, err := http.NewRequest("GET", "https://"+address+"/guest", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer read-0123456789abcdef")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.TLS == nil {
		t.Errorf("%s over %+v", resp.Status, resp.TLS)
	}
	plain, err := noRedirects.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %s", plain.Status)
	}
	if _, err := loadCertificates([]config.Certificate{{Cert: cert.pair.Key, Key: filepath.Join(t.TempDir(), "missing")}}, "admin_tls"); err == nil || !strings.Contains(err.Error(), "admin_tls: certificate") {
		t.Errorf("a missing key: %v", err)
	}
}

// Connections beyond the limit wait until others end.
func TestO9ConnectionsOfTheAdminListenerAreLimited(t *testing.T) {
	w := start(t)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.server.AdminAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var open []net.Conn
	for range maxAdminConnections {
		c := dial()
		if got := status(t, bufio.NewReader(c)); got != http.StatusOK {
			t.Fatalf("/healthz: %d", got)
		}
		open = append(open, c)
	}
	accepted := make(chan int, 1)
	waiting := dial()
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(waiting), nil)
		if err != nil {
			t.Error(err)
			close(accepted)
			return
		}
		accepted <- resp.StatusCode
	}()
	select {
	case <-accepted:
		t.Error("one connection more than the limit is accepted")
	default:
		open[0].Close()
		if got := <-accepted; got != http.StatusOK {
			t.Errorf("/healthz: %d", got)
		}
	}
}

func TestASignatureOfTheLargestSizeFitsTheHeader(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AdminTokens = tokens() })
	r, err := http.NewRequest("PUT", "http://"+w.server.AdminAddr().String()+"/guest", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer operate-0123456789")
	r.Header.Set(signatureHeader, strings.Repeat("AAAA", 4096))
	if a := w.do(r); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
