//go:build unix

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
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

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
