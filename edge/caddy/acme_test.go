package tenantedge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/miekg/dns"
	"github.com/quic-go/quic-go/http3"
)

// readme returns the code blocks of a language in README.md, below the heading for
// customers' domains.
func readme(t testing.TB, language string) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## Serve customers' domains")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("README.md has no section on customers' domains")
	}
	var blocks []string
	for _, rest := range strings.Split(section, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

const rows = `
tenants: [{id: 1, schema_name: acme}, {id: 2, schema_name: globex}, {id: 3, schema_name: initech}, {id: 4, schema_name: later}]
domains: [{tenant_id: 1, domain: acme.test}, {tenant_id: 2, domain: globex.test}, {tenant_id: 3, domain: shared.test, folder: initech}]
`

// readmeFiles writes the configuration of README.md, with the rows of a file instead
// of a database, and a file of a tenant.
func (w *world) readmeFiles() {
	w.Helper()
	yaml := readme(w.TB, "yaml")[0]
	i := strings.Index(yaml, "directory: ")
	j := i + strings.IndexByte(yaml[i:], '\n')
	w.write(filepath.Join(w.dir, "rows.yaml"), rows)
	w.edgeFile(yaml[:i] + "directory: {source: file, path: rows.yaml}" + strings.NewReplacer(
		"http://127.0.0.1:8000", "@app", "ws://127.0.0.1:8001", "ws://@host", "/srv/media", filepath.Join(w.dir, "media"),
	).Replace(yaml[j:]))
	dir := filepath.Join(w.dir, "media", "acme")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.Fatal(err)
	}
	w.write(filepath.Join(dir, "a.txt"), "file of acme")
}

func TestTheReadmeServesWithReverseProxy(t *testing.T) {
	w := newWorld(t)
	w.readmeFiles()
	w.load(oneEdge, readme(t, "caddyfile")[1])
	if a := w.get("globex.test", "/page"); a.seen.Header.Get("Tenant") != "globex" || a.seen.Target != "/page" {
		t.Errorf("a page: %d %v", a.StatusCode, a.seen)
	}
	if a := w.get("acme.test", "/media/acme/a.txt"); a.body != "file of acme" {
		t.Errorf("a file: %d %q", a.StatusCode, a.body)
	}
	conn, status := w.dial("acme.test")
	if status != 101 {
		t.Fatalf("a websocket: %d", status)
	}
	talk(t, conn, "acme")
}

// unknownNames is how many names without a tenant the test tries.
const unknownNames = 1000

func TestDomainsGetCertificatesOnDemand(t *testing.T) {
	w := newWorld(t)
	w.readmeFiles()
	ca := startPebble(w)
	_, https, _ := net.SplitHostPort(ca.https)
	_, plain, _ := net.SplitHostPort(ca.http)
	caddyfile := strings.Replace(readme(t, "caddyfile")[0], "{", strings.NewReplacer("@admin", w.admin, "@https", https, "@http", plain, "@pebble", ca.address, "@minica", ca.minica).Replace(`{
	admin @admin
	default_bind 127.0.0.1
	http_port @http
	https_port @https
	skip_install_trust
	persist_config off
	acme_ca https://@pebble/dir
	acme_ca_root @minica`), 1)
	w.runCaddy(strings.ReplaceAll(caddyfile, "/etc/tenantedge", w.dir))

	c := &visitor{T: t, address: ca.https, roots: ca.roots(w)}
	for _, host := range []string{"acme.test", "globex.test", "www.example.com", "shared.test"} {
		before := time.Now()
		if err := c.handshake(host); err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		t.Logf("%s: the first handshake, with the certificate, took %v", host, time.Since(before).Round(time.Millisecond))
	}
	for version := 1; version <= 3; version++ {
		for host, want := range map[string]string{"acme.test/": "acme", "globex.test/": "globex", "www.example.com/": "www", "shared.test/initech/": "initech"} {
			a := c.get(version, host)
			if a.StatusCode != 200 || a.ProtoMajor != version || a.seen.Header.Get("Tenant") != want {
				t.Errorf("HTTP/%d: %s: %s %d, tenant %q", version, host, a.Proto, a.StatusCode, a.seen.Header.Get("Tenant"))
			}
		}
	}

	if a := c.get(3, "acme.test/media/acme/a.txt"); a.body != "file of acme" {
		t.Errorf("a file over HTTP/3: %d %q", a.StatusCode, a.body)
	}
	conn, _, _, err := ws.Dialer{
		Header:    ws.HandshakeHeaderHTTP{"Origin": {"https://globex.test:" + https}},
		TLSConfig: &tls.Config{RootCAs: c.roots},
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", c.address)
		},
	}.Dial(t.Context(), "wss://globex.test:"+https+"/ws/")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	talk(t, conn, "globex")

	contacted := ca.requests()
	known := []string{"acme.test", "globex.test", "www.example.com"}
	quiet := c.latencies(known, 300, nil)
	var refused atomic.Int64
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		var visitors sync.WaitGroup
		for v := range 8 {
			visitors.Go(func() {
				for i := v; i < unknownNames; i += 8 {
					if err := c.handshake(fmt.Sprintf("unknown-%d.test", i)); err != nil {
						refused.Add(1)
					}
				}
			})
		}
		visitors.Wait()
	}()
	busy := c.latencies(known, 300, flood)
	<-flood
	if n := refused.Load(); n != unknownNames {
		t.Errorf("%d of %d names without a tenant were refused", n, unknownNames)
	}
	if n := ca.requests() - contacted; n != 0 {
		t.Errorf("the certificate authority got %d requests for names without a tenant", n)
	}
	t.Logf("handshakes of known names: p50 %v, p99 %v; during %d of unknown names: p50 %v, p99 %v",
		at(quiet, 50), at(quiet, 99), unknownNames, at(busy, 50), at(busy, 99))

	// A domain that is added gets a certificate without a reload.
	if err := c.handshake("later.test"); err == nil {
		t.Error("a name without a tenant got a certificate")
	}
	w.write(filepath.Join(w.dir, "rows.yaml"), strings.Replace(rows, "domains: [", "domains: [{tenant_id: 4, domain: later.test}, ", 1))
	eventually(t, "a certificate for the new domain", func() error { return c.handshake("later.test") })
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100].Round(10 * time.Microsecond)
}

// visitor is a client that trusts one certificate authority.
type visitor struct {
	*testing.T
	address string
	roots   *x509.CertPool
}

func (c *visitor) handshake(host string) error {
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: c.roots}}
	conn, err := d.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// latencies returns the sorted times of n handshakes, or of as many more as there are
// until flood ends.
func (c *visitor) latencies(hosts []string, n int, flood <-chan struct{}) []time.Duration {
	c.Helper()
	var all []time.Duration
	for i := 0; ; i++ {
		if i >= n {
			select {
			case <-flood:
				flood = nil
			default:
			}
			if flood == nil {
				break
			}
		}
		before := time.Now()
		if err := c.handshake(hosts[i%len(hosts)]); err != nil {
			c.Fatal(err)
		}
		all = append(all, time.Since(before))
	}
	slices.Sort(all)
	return all
}

// get requests a URL without its scheme by a version of HTTP.
func (c *visitor) get(version int, url string) *answer {
	c.Helper()
	config := &tls.Config{RootCAs: c.roots}
	var client http.RoundTripper
	switch version {
	case 3:
		h3 := &http3.Transport{TLSClientConfig: config}
		defer h3.Close()
		client = h3
	default:
		h := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
		h.Protocols.SetHTTP1(version == 1)
		h.Protocols.SetHTTP2(version == 2)
		h.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", c.address)
		}
		defer h.CloseIdleConnections()
		client = h
	}
	host, path, _ := strings.Cut(url, "/")
	_, port, _ := net.SplitHostPort(c.address)
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, "https://"+net.JoinHostPort(host, port)+"/"+path, nil)
	if err != nil {
		c.Fatal(err)
	}
	if version == 3 { // quic-go dials the host of the URL
		r.URL.Host, config.ServerName, r.Host = c.address, host, r.URL.Host
	}
	response, err := client.RoundTrip(r)
	if err != nil {
		c.Fatalf("HTTP/%d: %s: %v", version, url, err)
	}
	return read(c.T, response)
}

// pebble is an ACME server. It validates names that all resolve to 127.0.0.1.
type pebble struct {
	*process
	address, management string
	http, https         string // where it validates
	minica              string // file of the authority of its own certificate
}

func startPebble(w *world) *pebble {
	w.Helper()
	out, err := exec.Command("go", "list", "-C", "testdata/pebble", "-m", "-f", "{{.Dir}}", "github.com/letsencrypt/pebble/v2").Output()
	if err != nil {
		w.Fatal(err)
	}
	certs := filepath.Join(strings.TrimSpace(string(out)), "test", "certs")
	p := &pebble{
		address: freeAddress(w.TB), management: freeAddress(w.TB), http: freeAddress(w.TB), https: freeAddress(w.TB),
		minica: filepath.Join(certs, "pebble.minica.pem"),
	}
	port := func(address string) int {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			w.Fatal(err)
		}
		return a.Port
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": p.address, "managementListenAddress": p.management,
		"certificate": filepath.Join(certs, "localhost", "cert.pem"), "privateKey": filepath.Join(certs, "localhost", "key.pem"),
		"httpPort": port(p.http), "tlsPort": port(p.https), "retryAfter": map[string]int{"authz": 1, "order": 1},
		"keyAlgorithm": "ecdsa", "profiles": map[string]any{"default": map[string]any{"description": "", "validityPeriod": 7776000}},
	}})
	if err != nil {
		w.Fatal(err)
	}
	file := filepath.Join(w.dir, "pebble.json")
	w.write(file, string(config))
	c := exec.Command(build(w.TB, "testdata/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble"), "-config", file, "-dnsserver", resolver(w.TB))
	c.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	p.process = run(w.TB, c)
	eventually(w.TB, "Pebble", func() error {
		conn, err := net.Dial("tcp", p.management)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return p
}

// requests returns how many requests it got.
func (p *pebble) requests() int { return p.log.count("-> calling handler()") }

// roots returns the authority that signs its certificates.
func (p *pebble) roots(w *world) *x509.CertPool {
	w.Helper()
	own, err := os.ReadFile(p.minica)
	if err != nil {
		w.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(own)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "localhost"}}}
	response, err := client.Get("https://" + p.management + "/roots/0")
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	pem, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		w.Fatal(errors.New("Pebble has no root certificate"))
	}
	return roots
}

// resolver starts a DNS server for which all names are 127.0.0.1, and returns its
// address.
func resolver(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // Pebble asks by TCP
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, question := range q.Question {
			if question.Qtype == dns.TypeA {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return l.Addr().String()
}
