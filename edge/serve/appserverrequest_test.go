//go:build unix

package serve

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawResponse is what a server sends on a connection with one request.
type rawResponse struct {
	interim []int // statuses of 1xx heads
	status  int   // 0: no answer
	header  http.Header
	trailer http.Header
	body    string
	surplus string // bytes after the end of the answer
}

// get returns a request for a page of the tenant acme.
func get(target string, headers ...string) string { return rawRequest("GET", target, "", headers...) }

// rawRequest returns a request. Each of headers is a complete line.
func rawRequest(method, target, body string, headers ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: acme.example.com", "Connection: close"}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// send sends request unchanged, and reads until the server closes the connection.
func send(t *testing.T, address, request string) rawResponse {
	t.Helper()
	c := dial(t, address)
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Logf("the server did not read %.40q to the end: %v", request, err)
	}
	method, _, _ := strings.Cut(request, " ")
	in := bufio.NewReader(c)
	h := readResponse(in, method)
	if rest, _ := io.ReadAll(in); h.status != 0 && h.status != http.StatusSwitchingProtocols {
		h.surplus = string(rest)
	}
	return h
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readResponse reads one answer.
func readResponse(in *bufio.Reader, method string) rawResponse {
	var h rawResponse
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return h
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			h.interim = append(h.interim, resp.StatusCode)
			continue
		}
		h.status, h.header = resp.StatusCode, resp.Header
		if resp.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(resp.Body)
			h.body, h.trailer = string(body), resp.Trailer
		}
		return h
	}
}

// appRequest is what an application got of a request, as the files echo.* report it.
type appRequest struct {
	Method, Target, Path, Script, Scheme, Client, Body string

	Headers  [][2]string // names in lower case, and with `-` for the `_` of environments
	Trailers []string
}

// appRequest returns what the application got. False: the server answered without the
// application.
func (r rawResponse) appRequest() (appRequest, bool) {
	var s appRequest
	err := json.Unmarshal([]byte(r.body), &s)
	return s, err == nil && r.status == http.StatusOK
}

// values returns the values of a header.
func (s appRequest) values(name string) []string {
	var found []string
	for _, h := range s.Headers {
		if strings.EqualFold(h[0], name) {
			found = append(found, h[1])
		}
	}
	return found
}

// nameOf returns the name of the header with this value.
func (s appRequest) nameOf(value string) string {
	for _, h := range s.Headers {
		if strings.Contains(h[1], value) {
			return h[0]
		}
	}
	return ""
}
