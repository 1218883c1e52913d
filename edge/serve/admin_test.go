package serve

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// operator returns the token of one operator.
func operator(secret string) []adminToken {
	return []adminToken{newAdminToken("admin", config.RoleOperate, secret)}
}

func TestTheAdminListenerMustBeOnLoopback(t *testing.T) {
	for _, address := range []string{":8081", "0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081", "example.com:8081", "8081"} {
		if err := checkAdmin(&settings{Admin: address}); err == nil || !strings.Contains(err.Error(), "admin: expected") {
			t.Errorf("%s: %v, expected an error", address, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:8081", "127.1.2.3:0", "[::1]:8081", "localhost:8081"} {
		if err := checkAdmin(&settings{Admin: address}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	loaded := directory().Stats()
	degraded := loaded
	degraded.Degraded = "the database is unreachable"
	degraded.Upkeep = tenantdb.Upkeep{Polling: "no triggers", StateFile: "state", SaveError: "the disk is full", SaveFailures: 2}
	for _, c := range []struct {
		name    string
		stats   func() tenantdb.Stats
		serving bool
		reason  string
	}{
		{"only static tenants", nil, true, ""},
		{"loaded", func() tenantdb.Stats { return loaded }, true, ""},
		{"loaded, but the source is unreachable", func() tenantdb.Stats { return degraded }, true, ""},
		{"not loaded", func() tenantdb.Stats { return tenantdb.Stats{} }, true, "the directory is not loaded"},
		{"not serving yet", func() tenantdb.Stats { return loaded }, false, "starting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t)
			w.server.now().options.Directory = c.stats
			w.server.serving.Store(c.serving)
			status, r := w.readyz()
			if r.Ready != (c.reason == "") || r.Reason != c.reason || (status == http.StatusOK) != r.Ready {
				t.Errorf("%d, %+v", status, r)
			}
			if r.Guest.Digest == "" || r.Guest.Name == "" {
				t.Errorf("the guest is %+v", r.Guest)
			}
			if c.stats != nil && r.Directory.Degraded != c.stats().Degraded {
				t.Errorf("the directory is %+v", r.Directory)
			}
			if c.stats != nil && c.stats().Upkeep.StateFile != "" {
				if d := r.Directory; d.Polling != "no triggers" || d.StateFile == nil || d.StateFile.Error != "the disk is full" || d.StateFile.Failures != 2 {
					t.Errorf("the upkeep state is %+v", d)
				}
			}
			resp, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ok\n" || resp.StatusCode != http.StatusOK {
				t.Errorf("/healthz: %d %q, %v", resp.StatusCode, body, err)
			}
		})
	}
}

func TestTheAdminPathsAreNotServedToClients(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := w.get("unknown.example.com", path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestWhatCannotBeServedIsAnErrorWithItsPosition(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		options settings
		want    string
	}{
		{settings{Admin: "0.0.0.0:1"}, "admin: expected a loopback address"},
		{settings{Fallback: "nothing"}, `fallback: expected an entry of urlconfs, found "nothing"`},
		{settings{URLConfs: map[string]config.URLConf{"a": {}}}, "urlconfs: a: expected one of upstream, files, reply, hold and media"},
		{settings{URLConfs: map[string]config.URLConf{"a": {Files: "/does/not/exist"}}}, "urlconfs: a: files: expected a readable folder"},
	} {
		s, err := newServer(t.Context(), edge.Config{CompileCache: compiled}, c.options)
		if err == nil {
			err = errors.Join(errors.New("the configuration was accepted"), s.Close())
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %s", err, c.want)
		}
	}
	busy := settings{Listeners: []config.Listener{{Address: w.addr()}}}
	s, err := newServer(t.Context(), edge.Config{CompileCache: compiled}, busy)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.listen(); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a port in use: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("closing a server that never ran: %v", err)
		}
	}
}

// A Host that does not name the listener may be that of a site whose name
// resolves to the listener's address.
func TestTheAdminListenerAnswersOnlyToItsNames_F4(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AdminHosts = []string{"metrics.internal"} })
	address := w.server.AdminAddr().String()
	for host, want := range map[string]int{
		address: 200, "127.0.0.1": 200, "127.0.0.2:9": 200, "localhost:8081": 200, "LOCALHOST.": 200, "a.localhost": 200,
		"[::1]:8081": 200, "[::1]": 200, "[::ffff:127.0.0.1]": 200, "metrics.internal:80": 200, "METRICS.internal": 200,
		"evil.example.com": 421, "evil.example.com:8081": 421, "127.0.0.1.evil.example.com": 421, "localhost.evil.example.com": 421,
		"metrics.internal.evil.example.com": 421, "192.0.2.1": 421, "0.0.0.0": 421, "acme.example.com": 421, "2130706433": 421,
	} {
		for _, path := range []string{"/metrics", "/readyz", "/healthz", "/guest"} {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			a := w.do(r)
			if path == "/guest" && want == 200 {
				continue // not served without a token
			}
			if a.StatusCode != want {
				t.Errorf("%s of %s: %d, expected %d", path, host, a.StatusCode, want)
			}
		}
	}
}

func TestTheBearerTokenIsParsedAsTheRFCSays_F4(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AdminTokens = operator("secret") })
	for _, c := range []struct {
		fields []string
		want   int
	}{
		{[]string{"Bearer secret"}, 200}, {[]string{"bearer secret"}, 200}, {[]string{"BEARER   secret"}, 200},
		{[]string{"secret"}, 401}, {[]string{"Bearersecret"}, 401}, {[]string{"Bearer\tsecret"}, 401}, {[]string{"Basic secret"}, 401},
		{[]string{"Bearer secret x"}, 401}, {[]string{"Bearer secre"}, 401}, {[]string{"Bearer Secret"}, 401}, {[]string{"Bearer "}, 401},
		{[]string{"Bearer secret", "Bearer other"}, 401}, {[]string{"Bearer secret, Bearer other"}, 401}, {nil, 401},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+w.server.AdminAddr().String()+"/guest", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = c.fields
		a := w.do(r)
		if a.StatusCode != c.want || (c.want == 401) != strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%q: %d, expected %d, %v", c.fields, a.StatusCode, c.want, a.Header)
		}
	}
}

func TestASlowUploadOfAGuestIsA408_F4(t *testing.T) {
	w := start(t, func(s *setup) {
		s.options.AdminTokens, s.options.Limits.BodyTimeout = operator("secret"), 50*time.Millisecond
	})
	c, err := net.Dial("tcp", w.server.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "PUT /guest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	if got := status(t, in); got != http.StatusRequestTimeout {
		t.Errorf("%d, expected 408", got)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection stays open")
	}
}
