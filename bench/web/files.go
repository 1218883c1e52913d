package web

import (
	"context"
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

// FileServer is a file server that can be started.
type FileServer struct {
	Name  string
	Title string
	// Target is the prefix of a file's name in URLs.
	Target string
	// Prepare returns the version, or an error if the server is not available.
	Prepare func(ctx context.Context, work string) (version string, err error)
	command func(ctx context.Context, work, address string) *exec.Cmd
}

// Names of the baseline and of our servers.
const (
	PlainFiles = "fileserver"
	EdgeFiles  = "edge-files"
	EdgeMedia  = "edge-media"
)

// FilesHost is the host of the tenant that owns the files.
const FilesHost = "files.example.com"

// Folders in a work folder. The files are in the folder of the tenant.
const (
	mediaFolder = "media"
	filesTenant = "files"
)

// FilesFolder returns the folder of the files in a work folder.
func FilesFolder(work string) string { return filepath.Join(work, mediaFolder, filesTenant) }

// FileServers returns the file servers, the baseline first.
func FileServers() []FileServer {
	edge := func(name, title, target, urlconf string) FileServer {
		return FileServer{Name: name, Title: title, Target: target, Prepare: buildEdge, command: func(ctx context.Context, work, address string) *exec.Cmd {
			return edgeCommand(ctx, work, address, name, urlconf)
		}}
	}
	return []FileServer{
		{
			Name: PlainFiles, Title: "http.FileServerFS", Target: "/",
			Prepare: func(context.Context, string) (string, error) { return runtime.Version(), nil },
			command: func(ctx context.Context, work, address string) *exec.Cmd {
				return exec.CommandContext(ctx, executable(), ServeFilesCommand, FilesFolder(work), address)
			},
		},
		edge(EdgeFiles, "tenantedge serve, a folder", "/", "{files: "+mediaFolder+"/"+filesTenant+"}"),
		edge(EdgeMedia, "tenantedge serve, media of a tenant", "/media/"+filesTenant+"/", "{media: true}"),
		{Name: Nginx, Title: "nginx", Target: "/", Prepare: nginxVersion, command: nginxCommand},
	}
}

// Start starts a server for the files in a work folder and waits until it accepts
// connections.
func (f FileServer) Start(ctx context.Context, work string) (*Server, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	s, err := process.StartInterruptible(ctx, f.command(ctx, work, address), address)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", f.Name, err)
	}
	return &Server{s}, nil
}

func executable() string {
	program, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return program
}

// ServeFilesCommand is the command with which the benchmark starts its own
// executable as the baseline.
const ServeFilesCommand = "serve-files"

// ServeFiles serves a folder at an address with net/http until ctx is cancelled.
func ServeFiles(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s: expected a folder and an address, found %q", ServeFilesCommand, args)
	}
	return proxied.Listen(ctx, args[1], http.FileServerFS(os.DirFS(args[0])))
}

// buildEdge builds tenantedge once for each work folder.
func buildEdge(ctx context.Context, work string) (string, error) {
	program := filepath.Join(work, "tenantedge")
	if _, err := os.Stat(program); err == nil {
		return "this one", nil
	}
	// tenantedge is in another module than the benchmark.
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tenantedge/tenantedge").Output()
	if err != nil {
		return "", fmt.Errorf("web: finding the module of tenantedge: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./edge/cmd/tenantedge")
	build.Dir, build.Stderr = strings.TrimSpace(string(module)), os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("web: building tenantedge: %w", err)
	}
	return "this one", nil
}

func edgeCommand(ctx context.Context, work, address, name, urlconf string) *exec.Cmd {
	config := filepath.Join(work, name+".yaml")
	text := fmt.Sprintf(`listeners: [%q]
admin: off
tenants:
  public: {}
  %s: {DOMAINS: [%s], URLCONF: files}
urlconfs: {files: %s}
media: {location: %s}
`, address, filesTenant, FilesHost, urlconf, mediaFolder)
	return configured(exec.CommandContext(ctx, filepath.Join(work, "tenantedge"), "serve", "--config", config), config, text)
}

// nginxVersion returns the version of the installed nginx.
func nginxVersion(ctx context.Context, _ string) (string, error) {
	out, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nginx is not installed: %w", err)
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "nginx/")
	return version, nil
}

// nginxCommand runs nginx with sendfile and without an access log.
func nginxCommand(ctx context.Context, work, address string) *exec.Cmd {
	return nginx(ctx, work, "nginx.conf", `
  types { text/plain txt; application/octet-stream bin; }
  sendfile on;
  tcp_nopush on;
  server { listen `+address+"; root "+FilesFolder(work)+`; }`)
}

// nginx runs nginx in the foreground with one worker per core, without an access
// log, and with the text of an http block. It writes below the folder work only.
func nginx(ctx context.Context, work, name, block string) *exec.Cmd {
	text := fmt.Sprintf(`daemon off;
worker_processes %d;
pid %[2]s/%[3]s.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path %[2]s/nginx-temp;
  proxy_temp_path %[2]s/nginx-temp;
  fastcgi_temp_path %[2]s/nginx-temp;
  uwsgi_temp_path %[2]s/nginx-temp;
  scgi_temp_path %[2]s/nginx-temp;
%[4]s
}
`, runtime.NumCPU(), work, name, block)
	config := filepath.Join(work, name)
	return configured(exec.CommandContext(ctx, "nginx", "-c", config, "-p", work, "-e", "stderr"), config, text)
}

// configured writes the configuration file of c, which cannot start if that fails.
func configured(c *exec.Cmd, config, text string) *exec.Cmd {
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		c.Err = err
	}
	return c
}

// LoadFile requests one file over a number of connections for length. Each sends
// the next request after the previous response. It fails unless every response is
// a 200 with a body of size bytes.
func LoadFile(ctx context.Context, address, target string, size, connections int, length time.Duration) (Result, error) {
	return Plan{Connections: connections, Length: length}.load(ctx, address, func(c *client, _ int) error {
		status, n, err := c.getFile(FilesHost, target)
		if err == nil && (status != http.StatusOK || n != size) {
			err = fmt.Errorf("web: %s: expected 200 and %d bytes, found %d and %d", target, size, status, n)
		}
		return err
	})
}

// chunk is how much of a body the client reads at once. The client shares the
// cores with the server; the 8 KiB of io.Discard would take 1,280 calls for a
// file of 10 MiB.
const chunk = 64 << 10

// getFile sends a request and discards the body of its response.
func (c *client) getFile(host, target string) (status, size int, err error) {
	if status, size, err = c.head(host, target); err != nil {
		return status, size, err
	}
	if c.body == nil {
		c.body = make([]byte, chunk)
	}
	for remaining := size; remaining > 0 && err == nil; {
		var n int
		n, err = c.read.Read(c.body[:min(remaining, chunk)])
		remaining -= n
	}
	return status, size, err
}
