package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

//go:embed demo
var demoFiles embed.FS

// serveDemo serves the configuration in demo/, with a small application in the
// same process.
func serveDemo(ctx context.Context, stdout, stderr io.Writer) error {
	fmt.Fprintln(stdout, "Starting the demonstration. The first start compiles the guest, which takes some seconds.")
	folder, err := os.MkdirTemp("", "tenantedge-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // the system clears its temporary folder
	app, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	upstream := &http.Server{Handler: newDemoApp(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = upstream.Serve(app) }() // until it is closed
	defer func() { _ = upstream.Close() }()
	path, err := writeDemo(folder, app.Addr().String())
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	file, err := config.Load(path)
	if err != nil {
		return err
	}
	file.WSTargets = map[string]map[string]websocket.Target{"demo.ws": {"room": {Handler: "room"}}}
	return serveFile(ctx, file, serve.Options{
		Handlers: map[string]websocket.Handler{"room": demoRoom{}},
		Around:   demoPages,
		Ready: func(s *serve.Server) {
			port := s.Addrs()[0].(*net.TCPAddr).Port
			_, _ = io.WriteString(stdout, demoHint(port, s.AdminAddr().String(), path))
		},
	}, "", stderr)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort returns the first free port, from first on, on the loopback address.
func freePort(first int) (int, error) {
	const tries = 20
	var errs error
	for port := first; port < first+tries; port++ {
		l, err := net.Listen("tcp", loopback(port))
		if err == nil {
			return port, l.Close()
		}
		errs = err
	}
	return 0, fmt.Errorf("expected a free port from %d to %d, found none: %w", first, first+tries-1, errs)
}

// writeDemo writes the site's files to folder, and the configuration in demo/ with
// free ports and the application's address. It returns the path of the
// configuration, which eval can read too.
func writeDemo(folder, app string) (path string, err error) {
	files, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		return "", err
	}
	style, err := fs.ReadFile(files, "style.css")
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(files, "tenantedge.yaml")
	if err != nil {
		return "", err
	}
	port, err := freePort(8080)
	if err != nil {
		return "", err
	}
	admin, err := freePort(port + 1)
	if err != nil {
		return "", err
	}
	text = []byte(strings.NewReplacer(loopback(8080), loopback(port), loopback(8081), loopback(admin), loopback(8082), app).Replace(string(text)))
	path = filepath.Join(folder, "tenantedge.yaml")
	site, err := fs.Sub(files, "site")
	if err != nil {
		return "", err
	}
	return path, errors.Join(
		os.CopyFS(filepath.Join(folder, "site"), site),
		os.WriteFile(filepath.Join(folder, "site", "style.css"), style, 0o600),
		os.WriteFile(path, text, 0o600),
	)
}

func demoHint(port int, admin, configPath string) string {
	return fmt.Sprintf(`
tenantedge serves a demonstration. Open

  http://localhost:%[1]d/                    www      static, from files
  http://blog.localhost:%[1]d/               blog     static, by an application
  http://tenant1.localhost:%[1]d/            tenant1  dynamic, by domain
  http://tenant2.localhost:%[1]d/            tenant2  dynamic, by domain
  http://shared.localhost:%[1]d/tenant3/     tenant3  dynamic, by folder

and try, in another terminal

  # a forged tenant header is dropped
  curl -s -H 'tenant: tenant2' -H 'Accept: text/plain' http://tenant1.localhost:%[1]d/
  # an old domain redirects to the primary domain and keeps the query; a POST
  # stays a POST (308). The demonstration adds the port, which the rows lack
  curl -si 'http://old.localhost:%[1]d/hello?a=1'
  curl -si -X POST 'http://old.localhost:%[1]d/hello?a=1'
  # a host without a tenant
  curl -si http://unknown.localhost:%[1]d/
  # join a chat room; every tenant has its own rooms
  %[4]s ws connect ws://127.0.0.1:%[1]d/room/lobby/ --host tenant1.localhost:%[1]d
  # is the edge ready, and what has it loaded?
  curl -s http://%[2]s/readyz
  # where would a request go, and why?
  %[4]s eval -c %[3]s -r 'GET http://shared.localhost:%[1]d/tenant3/x?y=1'

If your system does not resolve *.localhost: curl --resolve '*:%[1]d:127.0.0.1' …
Press Ctrl-C to stop.

`, port, admin, configPath, os.Args[0])
}
