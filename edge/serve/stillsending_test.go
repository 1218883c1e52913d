package serve

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A client that gets an answer before it has sent the complete body can go on
// sending for a short time. A reset would discard the answer for clients that
// write before they read.
func TestResponsesReachClientsThatAreStillSending_A9_A10(t *testing.T) {
	early, heads := capturing(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnever")
	go func() {
		for range heads {
		}
	}()
	const known, unknown = "Content-Length: 200000\r\n", "Transfer-Encoding: chunked\r\n"
	for _, c := range []struct {
		name, host, lengths string
		maxBody             int64 // bytes of a body
		status              string
	}{
		{"too large", "acme.example.com", known, 64 << 10, "413"},
		{"too large, of unknown length", "acme.example.com", unknown, 64 << 10, "403 413"}, // the application may answer first
		{"the application answers first", "acme.example.com", known, 1 << 20, "403"},
		{"the application answers first, unknown length", "acme.example.com", unknown, 1 << 20, "403"},
		{"no tenant", "unknown.example.net", known, 1 << 20, "404"},
		{"no tenant, of unknown length", "unknown.example.net", unknown, 1 << 20, "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, withUpstreamConf(early, nil), func(s *setup) { s.options.Limits.MaxBodyBytes = c.maxBody })
			const rounds, maxResets = 40, 5 // on a busy machine the short time may be over
			resets := 0
			for range rounds {
				status, err := stillSending(t, w.addr(), "POST / HTTP/1.1\r\nHost: "+c.host+"\r\n"+c.lengths+"Connection: close\r\n\r\n")
				switch {
				case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
					resets++
				case err != nil || !oneOf(status, c.status):
					t.Fatalf("status %q, %v, expected %s", status, err, c.status)
				}
			}
			if resets > maxResets {
				t.Errorf("%d of %d connections were reset", resets, rounds)
			}
		})
	}
}

// stillSending sends a head and more of a body than the edge reads, and more after
// the end of the answer. It returns the status of the answer.
func stillSending(t *testing.T, addr, head string) (status string, err error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	chunk := "2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n"
	if _, err := io.WriteString(c, head+strings.Repeat(chunk, 16)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return "", err
	}
	for range 4 {
		if _, err := io.WriteString(c, chunk); err != nil {
			return "", err
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return "", err
	}
	return resp.Status[:3], nil
}

// The answer of an application that answers before the body is complete is sent at
// once, and the application can go on reading.
func TestEarlyResponsesAreNotDelayed_A10(t *testing.T) {
	for name, app := range map[string]http.HandlerFunc{
		"the handler stops reading": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Connection", "close")
			rw.WriteHeader(http.StatusForbidden)
		},
		"the handler gives up": func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 10))
			rw.Header().Set("Connection", "close")
			rw.WriteHeader(http.StatusForbidden)
		},
		"the handler echoes the body": func(rw http.ResponseWriter, r *http.Request) {
			out := http.NewResponseController(rw)
			_ = out.EnableFullDuplex()
			rw.WriteHeader(http.StatusOK)
			_ = out.Flush()
			buf := make([]byte, 4096)
			for {
				n, err := r.Body.Read(buf)
				_, _ = rw.Write(buf[:n])
				_ = out.Flush()
				if err != nil {
					return
				}
			}
		},
	} {
		for _, framing := range []struct{ lengths, first, rest string }{
			{"Content-Length: 300000", "first of all", strings.Repeat("x", 300_000-12)},
			{"Transfer-Encoding: chunked", "c\r\nfirst of all\r\n", "493d4\r\n" + strings.Repeat("x", 300_000-12) + "\r\n0\r\n\r\n"},
		} {
			t.Run(name+", "+framing.lengths, func(t *testing.T) {
				c, err := net.Dial("tcp", start(t, func(s *setup) { s.app = app }).addr())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: acme.example.com\r\n"+framing.lengths+"\r\n\r\n"+framing.first); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(c)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != http.StatusOK { // bytes sent from here on must not be read as a request
					_, _ = io.Copy(io.Discard, resp.Body)
					_, _ = io.WriteString(c, "GET /next HTTP/1.1\r\nHost: acme.example.com\r\n\r\n"+framing.rest)
					if resp, err := http.ReadResponse(in, nil); err == nil {
						t.Errorf("the server answered before the end of the body: %s", resp.Status)
					}
					return
				}
				echo := make([]byte, len("first of all"))
				if _, err := io.ReadFull(resp.Body, echo); err != nil || string(echo) != "first of all" {
					t.Fatalf("read %q, %v", echo, err)
				}
				go func() {
					_, _ = io.WriteString(c, framing.rest+"GET /next HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\n\r\n")
				}()
				if rest, err := io.ReadAll(resp.Body); err != nil || strings.Trim(string(rest), "x") != "" || len(rest) != 300_000-12 {
					t.Fatalf("read %d more bytes, %v", len(rest), err)
				}
				// A chunked request is the last on its connection.
				if resp, err := http.ReadResponse(in, nil); !strings.HasPrefix(framing.lengths, "Transfer") && (err != nil || resp.StatusCode != http.StatusOK) {
					t.Errorf("the next request on the connection: %v, %v", resp, err)
				}
			})
		}
	}
}
