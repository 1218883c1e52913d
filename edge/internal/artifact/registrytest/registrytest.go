// Package registrytest starts a real OCI registry for tests: the one of CNCF
// Distribution, on a free loopback port, with its files in a temporary folder. It
// stops when the test process ends, however that ends.
//
//	registry := registrytest.Start(t, registrytest.Config{})
//	ref, err := artifact.Parse(registry.Reference("guests/router:v1"))
//
// The server is a Go module of a fixed version. The first test that needs it builds
// it into the user's cache folder; .ci/registry.sh does so before the tests run.
package registrytest

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

const (
	program = "github.com/distribution/distribution/v3/cmd/registry"
	version = "v3.1.2"
)

// Program returns the path of the server's program. It builds the program if this
// version is not in the cache.
func Program() (string, error) { return testserver.Built("registrytest", program, version) }

// Config describes a registry. That of the zero value speaks HTTP and lets everybody
// pull and push.
type Config struct {
	// TLS makes it speak HTTPS, with a certificate by an authority of its own; see
	// Registry.CAFile.
	TLS bool
	// User and Password are the only credentials that it accepts. Empty: it asks for
	// none.
	User, Password string
}

// Registry is a running registry. It can be stopped, killed and restarted on the
// same port, and keeps what was pushed.
type Registry struct {
	*testserver.Server
	config Config
	caFile string
}

// Start starts a registry, which stops after the test.
func Start(tb testing.TB, c Config) *Registry {
	tb.Helper()
	r := &Registry{config: c}
	program, err := Program()
	if err != nil {
		tb.Fatal(err)
	}
	r.Server = testserver.Own(tb, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name: "registrytest",
			Prepare: func(s *testserver.Server) (err error) {
				if program, err = s.Readable(program); err == nil {
					err = r.prepare(s)
				}
				return err
			},
			Command: func(s *testserver.Server) *exec.Cmd {
				c := s.Command(program, "serve", filepath.Join(s.Dir(), "config.yml"))
				c.Env = append(c.Env, "REGISTRY_HTTP_ADDR="+address(s), "OTEL_TRACES_EXPORTER=none")
				return c
			},
			Ready: func(s *testserver.Server, _ string) bool {
				c, err := net.Dial("tcp", address(s))
				return err == nil && c.Close() == nil
			},
		})
	})
	return r
}

func address(s *testserver.Server) string { return "127.0.0.1:" + strconv.Itoa(s.Port()) }

// prepare writes the configuration of the server.
func (r *Registry) prepare(s *testserver.Server) error {
	if err := s.Command("mkdir", "files").Run(); err != nil { // as the user who will write there
		return err
	}
	text := fmt.Sprintf(`version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  delete: {enabled: true}
http:
  addr: set by the environment
  secret: of tests only
`, r.files(s))
	if r.config.TLS {
		if err := r.writeCertificate(s.Dir()); err != nil {
			return err
		}
		text += fmt.Sprintf("  tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}\n", s.Dir())
	}
	if r.config.User != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(r.config.Password), bcrypt.MinCost)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.Dir(), "htpasswd"), fmt.Appendf(nil, "%s:%s\n", r.config.User, hash), 0o644); err != nil {
			return err
		}
		text += fmt.Sprintf("auth:\n  htpasswd: {realm: tests, path: %s/htpasswd}\n", s.Dir())
	}
	return os.WriteFile(filepath.Join(s.Dir(), "config.yml"), []byte(text), 0o644)
}

func (r *Registry) files(s *testserver.Server) string { return filepath.Join(s.Dir(), "files") }

// Host returns the address of the registry.
func (r *Registry) Host() string { return address(r.Server) }

// Reference returns the reference of name, such as guests/router:v1.
func (r *Registry) Reference(name string) string { return "oci://" + r.Host() + "/" + name }

// CAFile returns the file with the certificate of the authority, with Config.TLS.
func (r *Registry) CAFile() string { return r.caFile }

// Login writes a file with the credentials, as docker login does, and returns its
// path.
func (r *Registry) Login(tb testing.TB) string {
	tb.Helper()
	return r.LoginAs(tb, r.config.User, r.config.Password)
}

// LoginAs is Login with other credentials.
func (r *Registry) LoginAs(tb testing.TB, user, password string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "config.json")
	text := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, r.Host(), base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Blob returns the path of the file in which the registry keeps the content of a
// digest, such as sha256:….
func (r *Registry) Blob(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return filepath.Join(r.files(r.Server), "docker", "registry", "v2", "blobs", algorithm, hex[:2], hex, "data")
}
