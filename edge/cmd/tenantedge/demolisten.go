package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const demoPort = 8080

// listenDemo opens the listeners of the demonstration. Empty, address means port 8080
// of this machine, or the first free one above.
func listenDemo(address string, stdout io.Writer) ([]*net.TCPListener, error) {
	if address != "" {
		return listenAt(address, stdout)
	}
	const tries = 20
	var taken error
	for port := demoPort; port < demoPort+tries; port++ {
		listeners, err := listenLocal(port)
		if err == nil {
			if taken != nil {
				fmt.Fprintf(stdout, "Another program listens on port %d, so the demonstration uses %d. Use --listen to choose an address.\n", demoPort, port)
			}
			return listeners, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("demo: %w", err)
		}
		taken = err
	}
	return nil, fmt.Errorf("demo: expected a free port from %d to %d, found none: %w; choose an address with --listen", demoPort, demoPort+tries-1, taken)
}

// listenAt opens the listeners for an address that the user chose.
func listenAt(address string, stdout io.Writer) ([]*net.TCPListener, error) {
	host, service, err := net.SplitHostPort(address)
	port, portErr := net.LookupPort("tcp", service)
	if err := errors.Join(err, portErr); err != nil || service == "" {
		return nil, usagef("serve: expected an address such as 127.0.0.1:8080 for --listen, found %q", address)
	}
	var listeners []*net.TCPListener
	if host == "localhost" {
		listeners, err = listenLocal(port)
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			listeners = []*net.TCPListener{l.(*net.TCPListener)}
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("demo: expected %s to be free, found another program that listens on it: %w; stop that program or choose another address with --listen", address, err)
	case err != nil:
		return nil, fmt.Errorf("demo: expected an address of this machine for --listen: %w", err)
	}
	_, _ = io.WriteString(stdout, exposure(listeners[0].Addr().(*net.TCPAddr)))
	return listeners, nil
}

// exposure returns a warning if other machines can connect to an address.
func exposure(at *net.TCPAddr) string {
	if at.IP.IsLoopback() {
		return ""
	}
	return fmt.Sprintf("Warning: other machines can reach the demonstration at %s. It is not meant for that. Only this machine can change its rules.\n", at)
}

// listenLocal listens on the loopback addresses of both versions of IP: a browser may
// use either for localhost, and another program may have the port of the one.
// Port 0 is any.
func listenLocal(port int) ([]*net.TCPListener, error) {
	four, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, err
	}
	six, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback, Port: four.Addr().(*net.TCPAddr).Port})
	switch {
	case err == nil:
		return []*net.TCPListener{four, six}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.Join(err, four.Close())
	}
	return []*net.TCPListener{four}, nil // there is no IPv6
}

// earlyServer answers on the listeners until the guest is compiled, with a page that
// loads itself again.
type earlyServer struct {
	listeners []*net.TCPListener
	server    *http.Server
	serving   sync.WaitGroup
	once      sync.Once
	stopped   chan struct{} // closed by stop
}

func waitAt(listeners []*net.TCPListener) *earlyServer {
	w := &earlyServer{listeners: listeners, stopped: make(chan struct{}), server: &http.Server{Handler: http.HandlerFunc(serveWaiting), ReadHeaderTimeout: 10 * time.Second}}
	w.server.SetKeepAlivesEnabled(false)
	for _, l := range listeners {
		w.serving.Go(func() { _ = w.server.Serve(lent{l}) }) // until stop
	}
	return w
}

// stop ends accepting connections. Those that were accepted still get their answer, and
// clients that connect from then on get it from the next server on the listeners.
func (w *earlyServer) stop() {
	w.once.Do(func() {
		for _, l := range w.listeners {
			_ = l.SetDeadline(time.Unix(1, 0)) // it fails only for a listener that is closed
		}
		w.serving.Wait()
		for _, l := range w.listeners {
			_ = l.SetDeadline(time.Time{})
		}
		close(w.stopped)
	})
}

// handed returns the listeners for the next server, which closes them.
func (w *earlyServer) handed() []net.Listener {
	all := make([]net.Listener, len(w.listeners))
	for i, l := range w.listeners {
		all[i] = taken{l, w.stopped}
	}
	return all
}

// taken is a listener for the next server, which may accept before the early one ends:
// the deadline that ends that must not look like a failure.
type taken struct {
	*net.TCPListener
	stopped <-chan struct{}
}

func (t taken) Accept() (net.Conn, error) {
	c, err := t.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-t.stopped
		c, err = t.TCPListener.Accept() // a deadline of the next server has still passed
	}
	return c, err
}

// lent is a listener that a server must give back: it looks closed to the server when
// its deadline has passed, and stays open when the server closes it.
type lent struct{ *net.TCPListener }

func (l lent) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed // a deadline would have the server try again
	}
	return c, err
}

func (lent) Close() error { return nil }

func serveWaiting(w http.ResponseWriter, r *http.Request) {
	setDemoHeaders(w.Header())
	if serveDemoAsset(w, r) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "503 Service Unavailable: the guest is being compiled; try again in a second", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = demoPages.ExecuteTemplate(w, "waiting.html.tmpl", nil) // the client may have disconnected
}

// showStart writes how long the start takes until done is called.
func showStart(stdout io.Writer, began time.Time) (done func()) {
	const text = "Compiling the guest, which the first start does"
	if !isTerminal(stdout) {
		fmt.Fprintln(stdout, text+" …")
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprintf(stdout, "\r%s: %.1f s", text, time.Since(began).Seconds())
			select {
			case <-tick.C:
			case <-stop:
				fmt.Fprint(stdout, "\r\033[K")
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop); <-stopped })
}
