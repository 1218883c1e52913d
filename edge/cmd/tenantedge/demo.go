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
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

//go:embed demo
var demoFiles embed.FS

// serveDemo serves the configuration in demo/, with small applications in the same
// process. listen is the address; empty: port 8080 of this machine, or one above.
func serveDemo(ctx context.Context, listen string, stdout, stderr io.Writer) error {
	began := time.Now()
	listeners, err := listenDemo(listen, stdout)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		defer func() { _ = l.Close() }() // the server may have closed it
	}
	early := waitAt(listeners)
	defer early.stop()
	done := showStart(stdout, began)
	defer done()

	folder, err := os.MkdirTemp("", "tenantedge-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // the system clears its temporary folder
	keys := newDemoKeys()
	apps, stop, err := serveApps(keys.proof)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer stop()
	at := listeners[0].Addr().(*net.TCPAddr)
	path, err := writeDemo(folder, at, apps, keys)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	file, err := config.Load(path)
	if err != nil {
		return err
	}
	file.WSTargets = map[string]map[string]websocket.Target{"rooms": {"room": {Handler: "room"}}}
	front := newDemoFront(newRulePanel(file.URLConfs), keys.session)
	return serveFile(ctx, file, serve.Options{
		Handlers: map[string]websocket.Handler{"room": demoRoom{}},
		Around:   front.around, Within: front.within, SmokeRun: front.panel.smokeRun,
		Listeners: early.handed(),
		Ready: func(s *serve.Server) {
			front.panel.serve(s.Host)
			early.stop()
			done()
			_, _ = io.WriteString(stdout, demoHint(at, s.AdminAddr().String(), path, time.Since(began)))
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

// serveApps serves the applications app and beta, which have the key of proofs. It
// returns their addresses.
func serveApps(key proof.Key) (addresses map[string]string, stop func(), err error) {
	addresses = map[string]string{}
	var servers []*http.Server
	stop = func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}
	for _, name := range []string{"app", "beta"} {
		l, err := net.Listen("tcp", loopback(0))
		if err != nil {
			stop()
			return nil, nil, err
		}
		s := &http.Server{Handler: newDemoApp(name, key), ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, s)
		go func() { _ = s.Serve(l) }() // until it is closed
		addresses[name] = l.Addr().String()
	}
	return addresses, stop, nil
}

// writeDemo writes the files of the site and of the tenants to folder, and the
// configuration in demo/ with the address, those of the applications and the keys. It
// returns the path of the configuration, which eval can read too.
func writeDemo(folder string, at *net.TCPAddr, apps map[string]string, keys demoKeys) (path string, err error) {
	admin, err := freePort(at.Port + 1)
	if err != nil {
		return "", err
	}
	text, err := demoFiles.ReadFile("demo/tenantedge.yaml")
	if err != nil {
		return "", err
	}
	addresses := strings.NewReplacer(loopback(8080), at.String(), loopback(8081), loopback(admin), loopback(8082), apps["app"], loopback(8083), apps["beta"])
	files := map[string]string{"tenantedge.yaml": addresses.Replace(string(text)), "proof.key": string(keys.proof.Secret), "session.key": keys.session}
	for name, page := range map[string]string{"site/index.html": "site.html.tmpl", "missing.html": "missing.html.tmpl", "failed.html": "failed.html.tmpl"} {
		rendered, err := renderDemoPage(page, strconv.Itoa(at.Port))
		if err != nil {
			return "", err
		}
		files[name] = string(rendered)
	}
	for name, schema := range map[string]string{"tenant1": "tenant1", "tenant2": "tenant2", "number-three": "tenant3", "blog": "blog"} {
		files["media/"+name+"/hello.txt"] = "A file of " + schema + ". Other tenants cannot reach it.\n"
	}
	var errs []error
	for name, text := range files {
		to := filepath.Join(folder, filepath.FromSlash(name))
		errs = append(errs, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, []byte(text), 0o600))
	}
	return filepath.Join(folder, "tenantedge.yaml"), errors.Join(errs...)
}

// demoHint describes the demonstration and what to try in it.
func demoHint(at *net.TCPAddr, admin, configPath string, took time.Duration) string {
	text, err := fs.ReadFile(demoFiles, "demo/hint.txt")
	if err != nil {
		text = nil // cannot happen: the file is embedded
	}
	direct := at.String()
	if at.IP.IsUnspecified() {
		direct = loopback(at.Port)
	}
	return strings.NewReplacer(
		"{took}", took.Round(10*time.Millisecond).String(), "{port}", strconv.Itoa(at.Port), "{direct}", direct, "{admin}", admin,
		"{config}", configPath, "{tenantedge}", os.Args[0],
	).Replace(string(text))
}
