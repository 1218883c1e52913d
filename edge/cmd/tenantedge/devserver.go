package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// devServer serves the guest of `guest dev`.
type devServer struct {
	*serve.Server
	cancel context.CancelFunc
	ended  chan error // receives the error of Run, and is closed
	apps   []*http.Server
}

// serve starts serving wasm. It returns when requests are accepted.
func (d *development) serve(ctx context.Context, file *config.File, wasm []byte) (*devServer, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &devServer{cancel: cancel, ended: make(chan error, 1)}
	s.standIn(file, d.out) // first, since its addresses are not free for listeners
	ready, err := s.start(ctx, d, file, wasm)
	if err != nil {
		close(s.ended)
		return nil, errors.Join(err, s.stop())
	}
	go func() {
		s.ended <- s.Run(ctx)
		close(s.ended)
	}()
	select {
	case <-ready:
		d.describe(file, s.Addrs())
		return s, nil
	case err := <-s.ended:
		return nil, errors.Join(err, s.stop())
	}
}

// start makes the Server. ready is closed when it accepts requests.
func (s *devServer) start(ctx context.Context, d *development, file *config.File, wasm []byte) (ready chan struct{}, err error) {
	if err := d.freePorts(file); err != nil {
		return nil, err
	}
	ready = make(chan struct{})
	s.Server, err = serve.New(ctx, file, serve.Options{
		Guest: wasm, Logger: slog.New(&devLog{out: d.out}), Force: d.force, SmokeRun: smokeRunNow,
		Ready: func(*serve.Server) { close(ready) },
	})
	return ready, err
}

// smokeRunNow tries a guest as smoke.Run does, but not in the background: the
// developer waits for it.
func smokeRunNow(ctx context.Context, t smoke.Trial) error {
	t.Background = false
	return smoke.Run(ctx, t)
}

// end receives when s ends by itself; nil: never, since s is nil.
func (s *devServer) end() <-chan error {
	if s == nil {
		return nil
	}
	return s.ended
}

// stop ends serving. s may be nil.
func (s *devServer) stop() error {
	if s == nil {
		return nil
	}
	s.cancel()
	err := <-s.ended
	for _, app := range s.apps {
		err = errors.Join(err, app.Close())
	}
	if s.Server != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

// freePorts replaces ports on the loopback address that are in use by free ones.
func (d *development) freePorts(file *config.File) error {
	addresses := []*string{&file.Admin}
	for i := range file.Listeners {
		addresses = append(addresses, &file.Listeners[i].Address)
	}
	taken := map[int]bool{}
	for i := len(addresses) - 1; i >= 0; i-- { // the admin listener comes last
		at, err := netip.ParseAddrPort(*addresses[i])
		if err != nil || !at.Addr().IsLoopback() || at.Port() == 0 {
			continue
		}
		free, err := freePort(int(at.Port()))
		for err == nil && taken[free] {
			free, err = freePort(free + 1)
		}
		if err != nil {
			return err
		}
		taken[free] = true
		if now := net.JoinHostPort(at.Addr().String(), strconv.Itoa(free)); now != *addresses[i] {
			d.out.say("%s is in use; serving at %s instead", *addresses[i], now)
			*addresses[i] = now
		}
	}
	return nil
}

// standIn answers at the addresses of upstreams on this machine at which nothing
// listens.
func (s *devServer) standIn(file *config.File, out *lines) {
	app := newDemoApp("app", proof.Key{})
	for name, u := range file.URLConfs {
		if u.Upstream == nil || u.Upstream.Scheme != "http" {
			continue
		}
		if at, err := netip.ParseAddrPort(u.Upstream.Host); err != nil || !at.Addr().IsLoopback() {
			continue
		}
		l, err := net.Listen("tcp", u.Upstream.Host)
		if err != nil {
			continue // the application runs
		}
		server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Accept", "text/plain") // the page in HTML has links to the demonstration
			app.ServeHTTP(w, r)
		})}
		s.apps = append(s.apps, server)
		go func() { _ = server.Serve(l) }() // until it is closed
		out.say("no application listens at %s (urlconf %s): answering there with the request that arrives; start yours first to use it", u.Upstream.Redacted(), name)
	}
}

// describe prints where to send requests.
func (d *development) describe(file *config.File, at []net.Addr) {
	_, port, _ := net.SplitHostPort(at[0].String())
	var b strings.Builder
	fmt.Fprintf(&b, "\nServing at http://%s. In another terminal:\n\n", at[0])
	host := "tenant"
	if len(file.Directory.Tenants) > 0 {
		host = file.Directory.Tenants[0].Schema
	}
	fmt.Fprintf(&b, "  curl -H 'Host: %s.localhost' http://localhost:%s/hello\n", host, port)
	fmt.Fprintf(&b, "  curl -H 'Host: unknown.localhost' http://localhost:%s/hello\n", port)
	fmt.Fprintf(&b, "\nWhen a file of the project changes, the guest is built and swapped in again. Ctrl-C ends.\n\n")
	_, _ = io.WriteString(d.out, b.String())
}
