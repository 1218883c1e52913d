package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// URLs mean the same as in redis-py, so that both can share a setting.
func TestURLsAreReadAsRedisPyReadsThem_E2(t *testing.T) {
	for _, c := range []struct {
		url, addr, user, password string
		db                        int
	}{
		{"redis://127.0.0.1:6379/0", "127.0.0.1:6379", "", "", 0},
		{"redis://127.0.0.1", "127.0.0.1:6379", "", "", 0},
		{"redis://[::1]:6380/3", "[::1]:6380", "", "", 3},
		{"redis://h:1?db=2", "h:1", "", "", 2},
		{"redis://u:p@h:1/2", "h:1", "u", "p", 2},
		{"redis://u@h:1", "h:1", "u", "", 0},
		{"redis://:p%40ss%2Fw@h:1", "h:1", "", "p@ss/w", 0},
		{"redis://:p@ss@h:1", "h:1", "", "p@ss", 0},
		{"redis://:a%zz^{|}<>\"` é%@h:1", "h:1", "", "a%zz^{|}<>\"` é%", 0},
		{"redis://:a:b:c@h:1", "h:1", "", "a:b:c", 0},
		{"redis://h:1?username=u&password=p%26q", "h:1", "u", "p&q", 0},
		{"redis://h:1?socket_timeout=5&socket_connect_timeout=1.5&health_check_interval=30&retry_on_timeout=True&decode_responses=1", "h:1", "", "", 0},
		{"rediss://h:1/4?ssl_cert_reqs=none&socket_timeout=5", "h:1", "", "", 4},
		{"unix:///run/redis.sock?db=1", "/run/redis.sock", "", "", 1},
		{"unix://u:p@/run/redis.sock", "/run/redis.sock", "u", "p", 0},
	} {
		o, err := parseURL(c.url, nil)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if o.Addr != c.addr || o.Username != c.user || o.Password != c.password || o.DB != c.db {
			t.Errorf("%s: found %q %q %q %d", c.url, o.Addr, o.Username, o.Password, o.DB)
		}
		if tls := strings.HasPrefix(c.url, "rediss"); tls != (o.TLSConfig != nil) || tls && o.TLSConfig.ServerName != "h" {
			t.Errorf("%s: TLS is %+v", c.url, o.TLSConfig)
		}
	}
}

func TestTheErrorOfAnInvalidURLSaysWhy_E2(t *testing.T) {
	for u, want := range map[string]string{
		"127.0.0.1:6379":                            "expected redis://",
		"http://127.0.0.1":                          "expected redis://",
		"redis://:hunter2#x@h:1":                    "%23",
		"redis://:hunter2?x@h:1":                    "%3F",
		"redis://:hunter2/x@h:1":                    "%2F",
		"redis://h:hunter2":                         "host:port",
		"redis://h:1/hunter2":                       "number of a database",
		"redis://h:1/1/2":                           "number of a database",
		"redis://h:1?qqq=hunter2":                   "qqq",
		"redis://h:1?db=hunter2":                    "values",
		"redis://h:1?pool_size=hunter2":             "values",
		"redis://h:1?ssl_cert_reqs=none":            "rediss://",
		"rediss://h:1?ssl_cert_reqs=hunter2":        "none, optional or required",
		"rediss://h:1?ssl_min_version=770":          "TLS 1.2",
		"rediss://h:1?ssl_ca_certs=/none.pem":       "ssl_ca_certs",
		"rediss://h:1?ssl_ca_data=hunter2":          "PEM",
		"rediss://h:1?ssl_certfile=/none.pem":       "ssl_certfile",
		"rediss://h:1?ssl_keyfile_password=hunter2": "ssl_keyfile_password",
		"unix://?db=1":                              "path of a socket",
	} {
		err := CheckURL(u)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: found %v, expected an error with %q and no secret", u, err, want)
		}
	}
}

func FuzzParseURLTellsNoSecret(f *testing.F) {
	for _, seed := range []string{"redis://u:%s@h:1/0", "rediss://h?password=%s", "redis://%s", "unix://:%s@/x?db=%s", "redis://h?%s=%s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		const secret = "hunter2"
		if strings.Contains(form, secret) || strings.Contains(form, "ssl_c") || strings.Contains(form, "ssl_k") { // names of files
			return
		}
		text := strings.ReplaceAll(form, "%s", secret)
		if _, query, _ := strings.Cut(text, "?"); strings.Contains(query, secret) {
			values, _ := url.ParseQuery(query)
			for name := range values {
				if strings.Contains(name, secret) { // names of options may be in the error
					return
				}
			}
		}
		if err := CheckURL(text); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error contains the secret: %v", text, err)
		}
	})
}

// authority returns a self-signed certificate for the name redis.test, and its
// file.
func authority(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"redis.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// A Redis with a certificate of a private authority is trusted by options of
// the URL or by Config.TLS, and not without them.
func TestAPrivateAuthorityIsTrustedIfItIsConfigured_E2(t *testing.T) {
	server := redistest.Start(t)
	plain, err := parseURL(server.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	certificate, file := authority(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go relay(conn, plain.Network, plain.Addr)
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	roots := x509.NewCertPool()
	pemData, _ := os.ReadFile(file)
	roots.AppendCertsFromPEM(pemData)
	for _, c := range []struct {
		options string
		tls     *tls.Config
		works   bool
	}{
		{"", nil, false},
		{"?ssl_cert_reqs=none", nil, true},
		{"?ssl_ca_certs=" + url.QueryEscape(file), nil, false}, // the name is 127.0.0.1, not redis.test
		{"?ssl_check_hostname=false&ssl_ca_certs=" + url.QueryEscape(file), nil, true},
		{"?ssl_check_hostname=false&ssl_ca_data=" + url.QueryEscape(string(pemData)), nil, true},
		{"?ssl_check_hostname=False", &tls.Config{RootCAs: roots}, true},
		{"?ssl_check_hostname=false", nil, false},
		{"?ssl_check_hostname=true", &tls.Config{RootCAs: roots}, false},
	} {
		layer := open(t, kinds[0].make, Config{Hosts: []string{"rediss://127.0.0.1:" + port + "/0" + c.options}, TLS: c.tls})
		err := channeltest.Scope(t, layer, "acme").GroupSend(t.Context(), "chat", channeltest.Message(t, "hi"))
		if (err == nil) != c.works {
			t.Errorf("%s with %v: %v, expected success: %v", c.options, c.tls != nil, err, c.works)
		}
	}
}

func relay(conn net.Conn, network, address string) {
	defer conn.Close()
	up, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, conn)
		up.Close()
	}()
	_, _ = io.Copy(conn, up)
}
