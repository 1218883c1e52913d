// Package proxied is the upstream of the proxies that the benchmark compares, and
// the proxy of the standard library. It imports little, so that the memory of its
// processes is that of a plain server in Go.
//
//	err := proxied.Serve(ctx, []string{"127.0.0.1:8000"})
package proxied

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const size = 100 // bytes in an answer

// Serve serves at an address until ctx is cancelled: the upstream, or with the
// address of an upstream as the second argument a proxy for it.
func Serve(ctx context.Context, args []string) error {
	var h http.Handler
	switch len(args) {
	case 1:
		h = http.HandlerFunc(answer)
	case 2:
		h = proxy(args[1])
	default:
		return fmt.Errorf("proxied: expected an address and for a proxy that of its upstream, found %q", args)
	}
	return Listen(ctx, args[0], h)
}

// Listen serves h at an address until ctx is cancelled. It has the default timeouts
// of an edge, since a server on the internet needs them.
func Listen(ctx context.Context, address string, h http.Handler) error {
	server := http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Answer returns what the upstream answers to a request: the parts that a proxy
// must not change, padded to 100 bytes.
func Answer(host, target string) string {
	text := host + " " + target + " "
	return text + strings.Repeat(".", max(size-len(text), 0))
}

// answer refuses requests without the headers that every proxy sets.
func answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Forwarded-For") != "127.0.0.1" || r.Header.Get("X-Forwarded-Proto") != "http" {
		http.Error(w, fmt.Sprintf("expected X-Forwarded-For: 127.0.0.1 and X-Forwarded-Proto: http, found %v", r.Header), http.StatusBadRequest)
		return
	}
	text := Answer(r.Host, r.RequestURI)
	h := w.Header()
	h["Content-Type"] = []string{"text/plain"}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	_, _ = io.WriteString(w, text) // fails only if the connection is closed
}

// proxy returns the proxy of the standard library. Its transport keeps more than
// the default of two idle connections, so that all are reused.
func proxy(upstream string) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	target := url.URL{Scheme: "http", Host: upstream}
	return &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}}
}
