package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/web/proxied"
)

// Proxy is a reverse proxy that can be started.
type Proxy struct {
	Name  string
	Title string
	// Extra is what the proxy does for each request besides passing it on.
	Extra string
	// Prepare returns the version, or an error if the proxy is not available. It
	// builds a proxy that takes minutes to build only if build is true.
	Prepare func(ctx context.Context, work string, build bool) (version string, err error)
	command func(ctx context.Context, work, address, upstream string) *exec.Cmd
}

// Names of the baseline, our proxy, and those that the goals compare it with.
const (
	PlainProxy = "reverseproxy"
	EdgeProxy  = "edge-proxy"
	Caddy      = "caddy"
	Nginx      = "nginx"
)

// Proxies returns the proxies, the baseline first. All keep connections to the
// upstream open, use all cores, pass on the client's Host, and set
// X-Forwarded-For and X-Forwarded-Proto.
func Proxies() []Proxy {
	return []Proxy{
		{
			Name: PlainProxy, Title: "httputil.ReverseProxy", Extra: "sets X-Forwarded-Host and Accept-Encoding",
			Prepare: func(context.Context, string, bool) (string, error) { return runtime.Version(), nil }, // StartUpstream has built it
			command: func(ctx context.Context, work, address, upstream string) *exec.Cmd {
				return exec.CommandContext(ctx, plainProgram(work), address, upstream)
			},
		},
		{
			Name: EdgeProxy, Title: "tenantedge serve", Extra: "routes to a tenant in the guest, removes headers that only proxies may set, sets that of the tenant and X-Forwarded-Host, separates the tenants' connections to the upstream, counts and limits requests",
			Prepare: func(ctx context.Context, work string, _ bool) (string, error) { return buildEdge(ctx, work) },
			command: edgeProxyCommand,
		},
		{Name: Caddy, Title: "Caddy", Extra: "matches a site, sets X-Forwarded-Host, Accept-Encoding and Via", Prepare: findCaddy, command: caddyCommand},
		{
			Name: Nginx, Title: "nginx", Extra: "matches a location",
			Prepare: func(ctx context.Context, work string, _ bool) (string, error) { return nginxVersion(ctx, work) },
			command: nginxProxyCommand,
		},
		{Name: "haproxy", Title: "HAProxy", Extra: "nothing else", Prepare: haproxyVersion, command: haproxyCommand},
	}
}

// Start starts a proxy for an upstream with its files in the folder work, and
// waits until it accepts connections.
func (p Proxy) Start(ctx context.Context, work, upstream string) (*Server, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	return startUnprivileged(ctx, p.Name, p.command(ctx, work, address, upstream), address)
}

// StartUpstream builds and starts the server to which all proxies pass requests.
func StartUpstream(ctx context.Context, work string) (*Server, error) {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", plainProgram(work), "github.com/tenantedge/tenantedge/bench/web/proxied/server")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("web: building the upstream: %w", err)
	}
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	return startUnprivileged(ctx, "upstream", exec.CommandContext(ctx, plainProgram(work), address), address)
}

// plainProgram is the path of the command in web/proxied/server.
func plainProgram(work string) string { return filepath.Join(work, "plain") }

func startUnprivileged(ctx context.Context, name string, c *exec.Cmd, address string) (*Server, error) {
	process.Unprivileged(c)
	s, err := process.StartInterruptible(ctx, c, address)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", name, err)
	}
	return &Server{s}, nil
}

// MakeProxyFolder creates a work folder for proxies in the folder for temporary
// files. Only a folder in it is writable for proxies that run as another user.
func MakeProxyFolder() (work string, err error) {
	if work, err = os.MkdirTemp("", "tenantedge-bench-proxies-"); err != nil {
		return "", err
	}
	return work, errors.Join(os.Chmod(work, 0o755), os.Mkdir(state(work), 0o755), process.GiveToUnprivileged(state(work)))
}

// state is the folder in which proxies may write.
func state(work string) string { return filepath.Join(work, "state") }

// ClearEdgeCache removes the compiled code that our proxy has kept in a work folder.
func ClearEdgeCache(work string) error { return os.RemoveAll(edgeCache(work)) }

func edgeCache(work string) string { return filepath.Join(state(work), "cache") }

// edgeProxyCommand runs the complete server with one domain.
func edgeProxyCommand(ctx context.Context, work, address, upstream string) *exec.Cmd {
	config := filepath.Join(work, "proxy.yaml")
	text := fmt.Sprintf(`listeners: [%q]
admin: off
tenants:
  public: {}
  tenant1: {DOMAINS: [%s], URLCONF: app}
urlconfs: {app: "http://%s"}
guest: {compile_cache: %s}
`, address, FilesHost, upstream, edgeCache(work))
	return configured(exec.CommandContext(ctx, filepath.Join(work, "tenantedge"), "serve", "--config", config), config, text)
}

func nginxProxyCommand(ctx context.Context, work, address, upstream string) *exec.Cmd {
	return nginx(ctx, state(work), "nginx-proxy.conf", `
  upstream app { server `+upstream+`; keepalive 64; keepalive_requests 100000000; }
  server {
    listen `+address+`;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }`)
}

// haproxyVersion returns the version of the installed HAProxy.
func haproxyVersion(ctx context.Context, _ string, _ bool) (string, error) {
	out, err := exec.CommandContext(ctx, "haproxy", "-v").Output()
	if err != nil {
		return "", fmt.Errorf("HAProxy is not installed: %w", err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return "", fmt.Errorf("expected haproxy -v to print its version, found %.100q", out)
	}
	return fields[2], nil
}

func haproxyCommand(ctx context.Context, work, address, upstream string) *exec.Cmd {
	config := filepath.Join(work, "haproxy.cfg")
	text := fmt.Sprintf(`global
  nbthread %d
  maxconn 1024
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  http-reuse always
  option forwardfor
frontend web
  bind %s
  http-request set-header X-Forwarded-Proto http
  default_backend app
backend app
  server app %s
`, runtime.NumCPU(), address, upstream)
	return configured(exec.CommandContext(ctx, "haproxy", "-db", "-q", "-f", config), config, text)
}

// caddyModule is the pinned version of Caddy.
const (
	caddyModule  = "github.com/caddyserver/caddy/v2/cmd/caddy"
	caddyPinned  = "v2.11.9"
	caddyTimeout = 20 * time.Minute
)

// findCaddy copies Caddy to the folder work. It builds the pinned version into
// the user's cache if it is not there.
func findCaddy(ctx context.Context, work string, build bool) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "tenantedge-bench", "caddy-"+caddyPinned)
	built := filepath.Join(folder, "caddy")
	if _, err := os.Stat(built); errors.Is(err, os.ErrNotExist) {
		if !build {
			return "", fmt.Errorf("no earlier run has built Caddy %s; a run without -short does", caddyPinned)
		}
		ctx, cancel := context.WithTimeout(ctx, caddyTimeout)
		defer cancel()
		install := exec.CommandContext(ctx, "go", "install", "-trimpath", caddyModule+"@"+caddyPinned)
		install.Env = append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0", "GOFLAGS=")
		if text, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go install: %w: %.300s", err, text)
		}
	}
	return caddyPinned, copyProgram(built, filepath.Join(work, "caddy"))
}

func caddyCommand(ctx context.Context, work, address, upstream string) *exec.Cmd {
	host, port, _ := strings.Cut(address, ":")
	config := filepath.Join(work, "Caddyfile")
	text := fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://:%s {
	bind %s
	reverse_proxy %s
}
`, port, host, upstream)
	c := exec.CommandContext(ctx, filepath.Join(work, "caddy"), "run", "--config", config, "--adapter", "caddyfile")
	c.Env = append(os.Environ(), "HOME="+state(work), "XDG_DATA_HOME="+state(work), "XDG_CONFIG_HOME="+state(work))
	return configured(c, config, text)
}

const proxyTarget = "/orders/42?page=2"

// copyProgram copies a program, unless it has been copied, to where users without
// privileges can start it.
func copyProgram(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}

// LoadProxy requests pages over a number of connections for length. Each sends
// the next request after the previous response. It fails unless every response is
// the upstream's answer to that request.
func LoadProxy(ctx context.Context, address string, connections int, length time.Duration) (Result, error) {
	want := proxied.Answer(FilesHost, proxyTarget)
	return Plan{Connections: connections, Length: length}.load(ctx, address, func(c *client, _ int) error {
		status, body, err := c.get(FilesHost, proxyTarget)
		if err == nil && (status != http.StatusOK || string(body) != want) {
			err = fmt.Errorf("web: expected 200 and the upstream's answer %q, found %d and %.200q", want, status, body)
		}
		return err
	})
}
