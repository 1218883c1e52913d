package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// listening returns a listener on a free port of an address, and the port.
func listening(t *testing.T, address string) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).Port
}

func TestTheDemonstrationListensWhereItIsTold(t *testing.T) {
	_, taken := listening(t, "127.0.0.1")
	_, takenSix := listening(t, "::1")
	for _, c := range []struct{ listen, err string }{
		{"localhost:0", ""},
		{"127.0.0.1:0", ""},
		{"[::1]:0", ""},
		{loopback(taken), "expected 127.0.0.1:" + strconv.Itoa(taken) + " to be free, found another program that listens on it"},
		{"localhost:" + strconv.Itoa(taken), "to be free"},
		{"localhost:" + strconv.Itoa(takenSix), "to be free"}, // a browser might find the other program
		{"127.0.0.1", "expected an address such as 127.0.0.1:8080 for --listen, found \"127.0.0.1\""},
		{"127.0.0.1:", "expected an address such as"},
		{"127.0.0.1:http:80", "expected an address such as"},
		{"192.0.2.1:0", "expected an address of this machine for --listen"},
	} {
		var out strings.Builder
		listeners, err := listenDemo(c.listen, &out)
		for _, l := range listeners {
			l.Close()
		}
		switch {
		case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, expected %q", c.listen, err, c.err)
		case out.String() != "":
			t.Errorf("%s: printed %q, expected nothing", c.listen, out.String())
		}
	}
}

func TestTheDemonstrationWarnsIfOtherMachinesReachIt(t *testing.T) {
	for address, warns := range map[string]bool{"127.0.0.1": false, "127.0.0.2": false, "::1": false, "0.0.0.0": true, "::": true, "192.0.2.1": true} {
		if got := exposure(&net.TCPAddr{IP: net.ParseIP(address), Port: 8080}); (got != "") != warns {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func TestTheDemonstrationNamesAnotherPortWhen8080IsTaken(t *testing.T) {
	other, err := net.Listen("tcp", loopback(demoPort))
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	if err == nil {
		defer other.Close()
	}
	var out strings.Builder
	listeners, err := listenDemo("", &out)
	if err != nil {
		t.Fatal(err)
	}
	port := listeners[0].Addr().(*net.TCPAddr).Port
	for _, l := range listeners {
		if l.Addr().(*net.TCPAddr).Port != port {
			t.Errorf("the listeners have the ports %d and %d", port, l.Addr().(*net.TCPAddr).Port)
		}
		l.Close()
	}
	if port == demoPort || !strings.HasPrefix(out.String(), "Another program listens on port 8080, so the demonstration uses "+strconv.Itoa(port)+". Use --listen") {
		t.Errorf("port %d, printed %q", port, out.String())
	}
}

// A client that connects while the guest is compiled gets a page, and the next server
// has the listeners afterwards.
func TestAPageWaitsUntilTheGuestIsCompiled(t *testing.T) {
	listeners, err := listenLocal(0)
	if err != nil {
		t.Fatal(err)
	}
	early := waitAt(listeners)
	url := "http://" + listeners[0].Addr().String()
	status, header, body := fetch(t, url+"/any", "Accept", "text/html")
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "1" || !strings.Contains(body, `waiting.js`) || header.Get("Content-Security-Policy") == "" {
		t.Errorf("a browser: %d %v %q", status, header, body)
	}
	if status, header, body = fetch(t, url+"/"); status != http.StatusServiceUnavailable || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") || !strings.Contains(body, "being compiled") {
		t.Errorf("another client: %d %q", status, body)
	}
	if status, _, body = fetch(t, url+"/-/demo/style.css"); status != http.StatusOK || body == "" {
		t.Errorf("the style: %d", status)
	}
	early.stop()
	early.stop()
	next := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "next") })}
	defer next.Close()
	for _, l := range early.handed() {
		go func() { _ = next.Serve(l) }() // until it is closed
	}
	for _, l := range listeners {
		if _, _, body := fetchAt(t, l.Addr().String()); body != "next" {
			t.Errorf("%s answers %q after the start", l.Addr(), body)
		}
	}
}

// fetchAt requests / of an address of any version of IP.
func fetchAt(t *testing.T, address string) (int, http.Header, string) {
	t.Helper()
	resp, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}
