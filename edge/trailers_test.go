package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTrailersClaimNoTenant_A6(t *testing.T) {
	seen := make(chan http.Header, 1)
	w := newHost(t, nil)
	server := httptest.NewServer(w.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r.Trailer
	})))
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\nTrailer: Tenant, X-Sum\r\n\r\n0\r\n"+
		"Tenant: umbra\r\nTENANT: umbra\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 1\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; len(got) != 1 || got.Get("X-Sum") != "1" {
		t.Errorf("the handler received the trailers %v, expected only X-Sum", got)
	}
}
