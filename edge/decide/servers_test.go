//go:build unix

package decide_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// front is a server that asks, with its configuration in testdata.
type front struct {
	name    string // of the preset, and of the program unless program is set
	files   []string
	wrapped string // the main configuration, if the file is a part of it
	command []string
	// differs has the golden cases that the server sends on in another form, by name,
	// and why.
	differs map[string]string
	// http2 is the change of the first file that makes the server accept HTTP/2
	// without TLS; nil: it does so anyway.
	http2 []string
	ready func(*testserver.Server, string) bool
	// build names the variable with the path of a program that no package has.
	build string
}

const nginxMain = `daemon off;
error_log DIR/error.log;
pid DIR/nginx.pid;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body;
	fastcgi_temp_path DIR/fastcgi;
	proxy_temp_path DIR/proxy;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	include DIR/nginx.conf;
}
`

var fronts = []front{
	{
		name: decide.Nginx, files: []string{"nginx.conf"}, wrapped: nginxMain,
		command: []string{"nginx", "-p", "DIR", "-e", "DIR/error.log", "-c", "DIR/main.conf"},
		ready:   listens,
		http2:   []string{"listen 127.0.0.1:8080;", "listen 127.0.0.1:8080 http2;"},
	},
	{
		name: decide.HAProxy, files: []string{"haproxy.cfg", "haproxy.lua"},
		ready:   listens,
		command: []string{"haproxy", "-db", "-f", "haproxy.cfg"},
		differs: map[string]string{"two hosts": "HAProxy makes one Host of two that are equal"},
	},
	{
		name: decide.Caddy, files: []string{"Caddyfile"}, ready: listens, command: []string{"caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"}, build: "TENANTEDGE_CADDY",
		http2: []string{"	auto_https off", "	auto_https off\n	servers {\n		protocols h1 h2c\n	}"},
	},
	{name: decide.Traefik, files: []string{"traefik.yaml", "traefik-dynamic.yaml"}, command: []string{"traefik", "--configFile=traefik.yaml"}, build: "TENANTEDGE_TRAEFIK", ready: asks},
}

// program returns the path of the server's program, or skips the test.
func (f *front) program(t testing.TB) string {
	t.Helper()
	if f.build != "" {
		if path := os.Getenv(f.build); path != "" {
			return path
		}
		t.Skipf("%s names no program; `make decide-servers` builds it", f.build)
	}
	if path, err := exec.LookPath(f.command[0]); err == nil {
		return path
	}
	path := filepath.Join("/usr/sbin", f.command[0])
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("TENANTEDGE_SERVERS") == "all" {
			t.Fatalf("%s is not installed: %v", f.name, err)
		}
		t.Skipf("%s is not installed; `sh .ci/servers.sh` installs it", f.name)
	}
	return path
}

// start starts the server. app is the application and the edge's own listener. changes are pairs of a text in its configuration and what
// replaces it.
func (f *front) start(t testing.TB, decider, app string, changes ...string) *testserver.Server {
	t.Helper()
	program := f.program(t)
	return testserver.Own(t, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name: "decide-" + f.name,
			Command: func(s *testserver.Server) *exec.Cmd {
				f.configure(t, s, append(slices.Clone(changes), "127.0.0.1:9000", decider, "127.0.0.1:8000", app, "127.0.0.1:8082", app))
				args := make([]string, 0, len(f.command))
				for _, a := range f.command[1:] {
					args = append(args, strings.ReplaceAll(a, "DIR", s.Dir()))
				}
				cmd := s.Command(program, args...)
				cmd.Env = append(cmd.Env, "HOME="+s.Dir(), "XDG_DATA_HOME="+s.Dir(), "XDG_CONFIG_HOME="+s.Dir())
				return cmd
			},
			Ready: f.ready,
			Group: true,
		})
	})
}

// listens reports whether a server accepts connections.
func listens(s *testserver.Server, _ string) bool {
	c, err := net.Dial("tcp", address(s))
	if err != nil {
		return false
	}
	c.Close()
	return s.Runs()
}

// asks reports whether Traefik has read its routes, which it does after it listens.
func asks(s *testserver.Server, _ string) bool {
	resp, err := http.Get("http://" + address(s))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && !strings.HasPrefix(string(text), "404 page not found") && s.Runs()
}

func address(s *testserver.Server) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))
}

// configure writes the files of the configuration with the addresses of the test.
func (f *front) configure(t testing.TB, s *testserver.Server, changes []string) {
	t.Helper()
	port := strconv.Itoa(s.Port())
	changes = append(changes, "127.0.0.1:8080", "127.0.0.1:"+port, "http://:8080", "http://:"+port)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(s.Dir(), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range f.files {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		changed := string(text)
		for i := 0; i+1 < len(changes); i += 2 {
			changed = strings.ReplaceAll(changed, changes[i], changes[i+1])
		}
		write(name, changed)
	}
	if f.wrapped != "" {
		write("main.conf", strings.ReplaceAll(f.wrapped, "DIR", s.Dir()))
	}
}

// throughEach runs a test with each server, with the decisions of a suite of golden
// cases.
func throughEach(t *testing.T, suite int, test func(t *testing.T, f *front, w *world)) {
	t.Helper()
	for i := range fronts {
		f := &fronts[i]
		t.Run(f.name, func(t *testing.T) {
			f.program(t)
			w := newWorld(t)
			w.front = address(f.start(t, hostPort(w.decider), hostPort(w.app)))
			w.use(hostOf(t, &golden(t)[suite]), f.name)
			test(t, f, w)
		})
	}
}
