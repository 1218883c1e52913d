//go:build unix

package serve

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// appServer is an application server that Debian packages, with an application in
// testdata/servers that reports what it gets.
type appServer struct {
	name string
	// version is a command that prints the server's version. It fails if the
	// server is not installed.
	version []string
	// command starts the server. DIR is its folder, with the files of
	// testdata/servers, PORT is its port, FPM is the address of php-fpm.
	command []string
	// config is a file of testdata/servers with the same placeholders.
	config string
	php    bool
	short  bool // part of the short run
	// surplus: it sends bodies where HTTP has none, for TestSurplusOfRealServers_A1.
	surplus bool
}

func pythonVersion(of string) []string {
	return []string{python, "-c", "import importlib.metadata as m, " + of + "; print(m.version('" + of + "'))"}
}

var appServers = []appServer{
	{
		name: "gunicorn", version: pythonVersion("gunicorn"), short: true, surplus: true,
		command: []string{"gunicorn", "--threads", "4", "--workers", "2", "-b", "127.0.0.1:PORT", "echo_wsgi:app"},
	}, {
		name: "gunicorn, sync workers", version: pythonVersion("gunicorn"),
		command: []string{"gunicorn", "--workers", "4", "-b", "127.0.0.1:PORT", "echo_wsgi:app"},
	}, {
		name: "waitress", version: pythonVersion("waitress"), surplus: true,
		command: []string{python, "-m", "waitress", "--listen=127.0.0.1:PORT", "echo_wsgi:app"},
	}, {
		name: "uwsgi", version: []string{"uwsgi", "--version"}, surplus: true,
		command: []string{"uwsgi", "--plugin", "http,python3", "--http", "127.0.0.1:PORT", "--http-keepalive", "--wsgi-file", "echo_wsgi.py", "--callable", "app", "--processes", "2", "--disable-logging", "--master"},
	}, {
		name: "uwsgi, http-socket", version: []string{"uwsgi", "--version"},
		command: []string{"uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:PORT", "--wsgi-file", "echo_wsgi.py", "--callable", "app", "--processes", "4", "--disable-logging", "--master"},
	}, {
		name: "uvicorn", version: pythonVersion("uvicorn"), short: true,
		command: []string{python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "PORT", "--http", "httptools", "--ws", "websockets", "echo_asgi:app"},
	}, {
		name: "uvicorn, h11", version: pythonVersion("uvicorn"),
		command: []string{python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "PORT", "--http", "h11", "--ws", "wsproto", "echo_asgi:app"},
	}, {
		name: "daphne", version: pythonVersion("daphne"),
		command: []string{python, "-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "echo_asgi:app"},
	}, {
		name: "hypercorn", version: pythonVersion("hypercorn"),
		command: []string{python, "-m", "hypercorn", "-b", "127.0.0.1:PORT", "echo_asgi:app"},
	}, {
		name: "lighttpd, CGI", version: []string{"lighttpd", "-v"}, config: "lighttpd.conf",
		command: []string{"lighttpd", "-D", "-f", "DIR/lighttpd.conf"},
	}, {
		name: "nginx, php-fpm", version: []string{"nginx", "-v"}, config: "nginx.conf", php: true,
		command: []string{"nginx", "-p", "DIR", "-e", "DIR/error.log", "-c", "DIR/nginx.conf"},
	}, {
		name: "Apache, php-fpm", version: []string{"apache2", "-v"}, config: "apache.conf", php: true,
		command: []string{"apache2", "-DFOREGROUND", "-DPHP", "-f", "DIR/apache.conf"},
	}, {
		name: "Apache, mod_wsgi", version: []string{"apache2", "-v"}, config: "apache.conf",
		command: []string{"apache2", "-DFOREGROUND", "-DWSGI", "-f", "DIR/apache.conf"},
	}, {
		name: "Node", version: []string{"node", "--version"},
		command: []string{"node", "echo.js", "PORT"},
	}, {
		name: "Puma", version: []string{"puma", "--version"},
		command: []string{"puma", "--early-hints", "-e", "production", "-b", "tcp://127.0.0.1:PORT", "echo.ru"},
	},
}

// phpFPM is the process that runs PHP for nginx and Apache.
var phpFPM = appServer{
	name: "php-fpm", version: []string{"sh", "-c", "exec $(ls /usr/sbin/php-fpm* | tail -n 1) -v"}, config: "php-fpm.conf",
	command: []string{"sh", "-c", "exec $(ls /usr/sbin/php-fpm* | tail -n 1) -F -y DIR/php-fpm.conf"},
}

// everyServer is set by `make servers`: a server that is missing is a failure.
var everyServer = os.Getenv("TENANTEDGE_SERVERS") == "all"

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// installed returns the version of a server. If the server is not installed, the
// test is skipped.
func (a appServer) installed(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(program(a.version[0]), a.version[1:]...)
	out, err := cmd.CombinedOutput()
	if version := versionNumber.Find(out); err == nil && version != nil {
		return string(version)
	}
	if everyServer {
		t.Fatalf("%s is not installed: %v %s", a.name, err, out)
	}
	t.Skipf("%s is not installed; `make servers` installs it", a.name)
	return ""
}

// program finds servers in folders outside of a user's PATH, too.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", name)
}

// running is a server that was started.
type running struct {
	*testserver.Server
	version string
	notes   string // the folder where the application records its requests
}

func (r running) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port())) }
func (r running) url() *url.URL   { return &url.URL{Scheme: "http", Host: r.address()} }

// requests returns what the application recorded of its requests.
func (r running) requests(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.notes, "requests.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// start starts a server and stops it after the test.
func (a appServer) start(t *testing.T) running {
	t.Helper()
	version, fpm, notes := a.installed(t), "", ""
	if a.php {
		php := phpFPM.start(t)
		version, fpm, notes = version+", PHP "+php.version, php.address(), php.Dir()
	}
	s := testserver.Own(t, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name:    "app",
			Prepare: func(s *testserver.Server) error { return os.CopyFS(s.Dir(), os.DirFS("testdata/servers")) },
			Command: func(s *testserver.Server) *exec.Cmd { return a.exec(t, s, fpm) },
			Ready: func(s *testserver.Server, _ string) bool {
				c, err := net.Dial("tcp", running{Server: s}.address())
				if err != nil {
					return false
				}
				c.Close()
				return s.Runs()
			},
			Group: true,
		})
	})
	return running{s, version, cmp.Or(notes, s.Dir())}
}

func (a appServer) exec(t *testing.T, s *testserver.Server, fpm string) *exec.Cmd {
	words := strings.NewReplacer("DIR", s.Dir(), "PORT", strconv.Itoa(s.Port()), "FPM", fpm)
	if a.config != "" {
		text, err := os.ReadFile(filepath.Join("testdata/servers", a.config))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.Dir(), a.config), []byte(words.Replace(string(text))), 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
	args := make([]string, len(a.command))
	for i, word := range a.command {
		args[i] = words.Replace(word)
	}
	cmd := s.Command(program(args[0]), args[1:]...)
	cmd.Env = append(cmd.Env, "ECHO_LOG="+filepath.Join(s.Dir(), "requests.log"), "PYTHONDONTWRITEBYTECODE=1", "HOME="+s.Dir())
	return cmd
}
