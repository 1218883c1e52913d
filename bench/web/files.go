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
)

// FileServer is a server of files that can be started.
type FileServer struct {
	Name  string
	Title string
	// Target is what a file's name has in front in URLs.
	Target string
	// Prepare tells the version; an error means that it is not to be had here.
	Prepare func(ctx context.Context, work string) (version string, err error)
	command func(ctx context.Context, work, address string) *exec.Cmd
}

// Names of the baseline, and of ours.
const (
	PlainFiles = "fileserver"
	EdgeFiles  = "edge-files"
	EdgeMedia  = "edge-media"
)

// FilesHost is the host of the tenant that the files are of.
const FilesHost = "files.example.com"

// The folders in a work folder: the files themselves lie where a tenant of that
// name has them.
const (
	mediaFolder = "media"
	filesTenant = "files"
)

// FilesFolder is where the files lie in a work folder.
func FilesFolder(work string) string { return filepath.Join(work, mediaFolder, filesTenant) }

// FileServers lists the servers of files, the baseline first.
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
		{Name: "nginx", Title: "nginx", Target: "/", Prepare: nginxVersion, command: nginxCommand},
	}
}

// Start starts a server of the files in a work folder, and waits until it
// listens.
func (f FileServer) Start(ctx context.Context, work string) (*Server, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	c := f.command(ctx, work, address)
	c.Stderr = os.Stderr
	s, err := process.StartAt(ctx, c, address, func() error {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		_ = c.Wait() // however it ends when it is told to
		return nil
	})
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

// ServeFilesCommand is the command by which the benchmark starts itself as the
// baseline.
const ServeFilesCommand = "serve-files"

// ServeFiles serves a folder at an address with net/http alone, until ctx ends.
// Its time limits are those that an edge has by default: none that faces the
// internet goes without.
func ServeFiles(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s: expected a folder and an address", ServeFilesCommand)
	}
	server := http.Server{Addr: args[1], Handler: http.FileServerFS(os.DirFS(args[0])), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// buildEdge builds the program that is measured, once for each work folder.
func buildEdge(ctx context.Context, work string) (string, error) {
	program := filepath.Join(work, "tenantedge")
	if _, err := os.Stat(program); err == nil {
		return "this one", nil
	}
	// The program is of another module than the benchmark.
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tenantedge/tenantedge").Output()
	if err != nil {
		return "", fmt.Errorf("web: looking for the module of tenantedge: %w", err)
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
	c := exec.CommandContext(ctx, filepath.Join(work, "tenantedge"), "serve", "--config", config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		c.Err = err
	}
	return c
}

// nginxVersion finds the nginx that is installed, as by `apt-get install nginx`.
func nginxVersion(ctx context.Context, _ string) (string, error) {
	out, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("it is not installed: %w", err)
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "nginx/")
	return version, nil
}

// nginxCommand has nginx keep what it can: the files stay open, and nothing is
// logged.
func nginxCommand(ctx context.Context, work, address string) *exec.Cmd {
	config := filepath.Join(work, "nginx.conf")
	text := fmt.Sprintf(`daemon off;
worker_processes %d;
pid %[2]s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  types { text/plain txt; application/octet-stream bin; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  client_body_temp_path %[2]s/nginx-temp;
  proxy_temp_path %[2]s/nginx-temp;
  fastcgi_temp_path %[2]s/nginx-temp;
  uwsgi_temp_path %[2]s/nginx-temp;
  scgi_temp_path %[2]s/nginx-temp;
  server { listen %[3]s; root %[4]s; }
}
`, runtime.NumCPU(), work, address, FilesFolder(work))
	c := exec.CommandContext(ctx, "nginx", "-c", config, "-p", work, "-e", "stderr")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		c.Err = err
	}
	return c
}

// LoadFile asks a server for one file over some connections, each of which
// sends its next request when the last is answered. Every answer must be a 200
// with a body of size bytes.
func LoadFile(ctx context.Context, address, target string, size, connections int, length time.Duration) (Result, error) {
	return Plan{Connections: connections, Length: length}.load(ctx, address, func(c *client, _ int) error {
		status, n, err := c.askFile(FilesHost, target)
		if err == nil && (status != http.StatusOK || n != size) {
			err = fmt.Errorf("web: %s is answered with %d and %d bytes, expected %d", target, status, n, size)
		}
		return err
	})
}

// piece is how much of a body the client reads at once. It shares the cores
// with what it measures, and large files are measured by what they leave: the 8
// KiB that io.Discard reads would be 1,280 calls for 10 MiB.
const piece = 64 << 10

// askFile sends a request, and throws its answer away as it comes.
func (c *client) askFile(host, target string) (status, size int, err error) {
	if status, size, err = c.head(host, target); err != nil {
		return status, size, err
	}
	if c.body == nil {
		c.body = make([]byte, piece)
	}
	for left := size; left > 0 && err == nil; {
		var n int
		n, err = c.read.Read(c.body[:min(left, piece)])
		left -= n
	}
	return status, size, err
}
