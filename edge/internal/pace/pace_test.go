package pace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const limit = time.Minute

// world is a server on connections in memory, in a synctest bubble: a minute of its
// fake clock takes no time.
type world struct {
	*testing.T
	server *http.Server
	accept chan net.Conn
	closed chan struct{}
	late   [2]atomic.Int64 // by Direction
}

// bubble runs test against a server that runs handle.
func bubble(t *testing.T, handle http.HandlerFunc, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, accept: make(chan net.Conn), closed: make(chan struct{})}
		w.server = &http.Server{
			Handler: Handler(&Limits{Body: limit, Answer: limit, Late: func(_ *http.Request, d Direction) { w.late[d].Add(1) }}, handle),
			// The timeouts of the edge.
			ReadTimeout: limit, WriteTimeout: limit, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: limit,
			HTTP2: &http.HTTP2Config{WriteByteTimeout: limit}, Protocols: new(http.Protocols),
		}
		w.server.Protocols.SetHTTP1(true)
		w.server.Protocols.SetUnencryptedHTTP2(true)
		go func() { _ = w.server.Serve(w) }()
		test(w)
		_ = w.server.Close()
		time.Sleep(1000 * limit) // until clients have seen the end
	})
}

// Accept, Close and Addr make it a net.Listener.
func (w *world) Accept() (net.Conn, error) {
	select {
	case c := <-w.accept:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}
func (w *world) Close() error   { close(w.closed); return nil }
func (w *world) Addr() net.Addr { return &net.TCPAddr{} }

func (w *world) dial() net.Conn {
	here, there := net.Pipe()
	w.accept <- there
	return here
}

// client speaks one protocol.
func (w *world) client(http2 bool) *http.Client {
	transport := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return w.dial(), nil },
		Protocols:   new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	w.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func protocols(t *testing.T, test func(*testing.T, bool)) {
	t.Run("HTTP/1.1", func(t *testing.T) { test(t, false) })
	t.Run("HTTP/2", func(t *testing.T) { test(t, true) })
}

// dripping returns a body of n bytes, with a pause before each.
func dripping(n int, pause time.Duration) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		for range n {
			time.Sleep(pause)
			if _, err := pw.Write([]byte("x")); err != nil {
				return
			}
		}
		pw.Close()
	}()
	return pr
}

// readAll responds with 408 to a body that is too slow, otherwise with the number of
// bytes.
func readAll(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case errors.Is(err, ErrSlow):
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestTimeout)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	default:
		fmt.Fprint(w, len(body))
	}
}

func TestABodyBelowTheMinimumRateFails_A9(t *testing.T) {
	for _, c := range []struct {
		name   string
		bytes  int
		pause  time.Duration
		status int
	}{
		{"a byte every 5 s", 1000, 5 * time.Second, http.StatusRequestTimeout},
		{"a byte every 5 s, for less than the limit", 10, 5 * time.Second, http.StatusOK},
		{"nothing", 1, 100 * limit, http.StatusRequestTimeout},
		{"at the pace", 200_000, 900 * time.Microsecond, http.StatusOK},
		{"half the pace", 200_000, 2 * time.Millisecond, http.StatusRequestTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			protocols(t, func(t *testing.T, http2 bool) {
				bubble(t, readAll, func(w *world) {
					resp, err := w.client(http2).Post("http://edge/", "", dripping(c.bytes, c.pause))
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					if resp.StatusCode != c.status {
						t.Errorf("status %d, expected %d", resp.StatusCode, c.status)
					}
					if late := w.late[ForBody].Load(); (late == 1) != (c.status == http.StatusRequestTimeout) {
						t.Errorf("counted %d times", late)
					}
				})
			})
		})
	}
}

// Every byte counts, however small the parts are.
func TestSmallPartsAtTheMinimumRateSuffice_A9(t *testing.T) {
	const parts = 1200
	bubble(t, readAll, func(w *world) {
		c := w.dial()
		defer c.Close()
		go func() {
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n", parts*500)
			for range parts {
				time.Sleep(250 * time.Millisecond)
				if _, err := c.Write(make([]byte, 500)); err != nil {
					return
				}
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%+v, %v, expected 200", resp, err)
		}
	})
}

// A body that the handler did not read delays neither the response nor the end of the
// connection.
func TestTheRestOfABodyIsReadBriefly_A9(t *testing.T) {
	for connection, most := range map[string]time.Duration{"keep-alive": 10 * time.Second, "close": time.Second} {
		t.Run(connection, func(t *testing.T) {
			refuse := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Connection", connection)
				w.WriteHeader(http.StatusNotFound)
			}
			bubble(t, refuse, func(w *world) {
				c := w.dial()
				defer c.Close()
				began := time.Now()
				go fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n\r\nbegun")
				in := bufio.NewReader(c)
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusNotFound {
					t.Fatalf("%+v, %v, expected 404", resp, err)
				}
				if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
					t.Errorf("read %q, %v, expected the end", rest, err)
				}
				if took := time.Since(began); took > most {
					t.Errorf("took %v of the fake clock", took)
				}
			})
		})
	}
}

// The server does not wait for a goroutine that still reads when the handler returns,
// such as a proxy's, and does not parse the rest of the body as another request.
func TestAReadInProgressEndsWithTheHandler_A9(t *testing.T) {
	for _, framing := range []string{
		"Content-Length: 1000", "Transfer-Encoding: chunked",
		"Content-Length: 1000\r\nConnection: close", "Transfer-Encoding: chunked\r\nConnection: close",
	} {
		t.Run(framing, func(t *testing.T) {
			ended := make(chan error, 1)
			early := func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				begun := make(chan struct{})
				go func() {
					_, err := io.ReadFull(r.Body, make([]byte, 5))
					close(begun)
					if err == nil {
						_, err = io.Copy(io.Discard, r.Body)
					}
					ended <- err
				}()
				<-begun
				w.WriteHeader(http.StatusForbidden)
			}
			bubble(t, early, func(w *world) {
				c := w.dial()
				defer c.Close()
				began := time.Now()
				go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: edge\r\n%s\r\n\r\n5\r\nbegun\r\n", framing)
				in := bufio.NewReader(c)
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusForbidden {
					t.Fatalf("%+v, %v, expected 403", resp, err)
				}
				if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
					t.Errorf("read %q, %v, expected the end", rest, err)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("took %v of the fake clock", took)
				}
				if err := <-ended; err == nil {
					t.Error("the body was read to its end")
				}
			})
		})
	}
}

// A client that was fast may not be slow later.
func TestFastPartsEarnNoCredit_A9(t *testing.T) {
	protocols(t, func(t *testing.T, http2 bool) {
		bubble(t, readAll, func(w *world) {
			slow := dripping(100, 5*time.Second)
			body := struct {
				io.Reader
				io.Closer
			}{io.MultiReader(strings.NewReader(strings.Repeat("x", 10<<20)), slow), slow}
			resp, err := w.client(http2).Post("http://edge/", "", body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestTimeout {
				t.Errorf("status %d, expected 408", resp.StatusCode)
			}
		})
	})
}

// The time that the handler takes before, between and after reads and writes does not
// count.
func TestTheTimeOfTheHandlerDoesNotCount_A9(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * limit)
		half := make([]byte, 500)
		if _, err := io.ReadFull(r.Body, half); err != nil {
			t.Errorf("the first half: %v", err)
		}
		time.Sleep(10 * limit)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Errorf("the second half: %v", err)
		}
		for range 3 {
			time.Sleep(10 * limit)
			_, _ = io.WriteString(w, "tick\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("flush: %v", err)
			}
		}
		time.Sleep(10 * limit)
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was canceled: %v", err)
		}
	}
	protocols(t, func(t *testing.T, http2 bool) {
		bubble(t, slow, func(w *world) {
			client := w.client(http2)
			for range 2 {
				resp, err := client.Post("http://edge/", "", strings.NewReader(strings.Repeat("x", 1000)))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != "tick\ntick\ntick\n" || err != nil {
					t.Errorf("read %q, %v", got, err)
				}
			}
		})
	})
}

// reader reads a response in HTTP/1.1 by the given function.
func (w *world) reader(t *testing.T, method string, read func(*bufio.Reader) error) error {
	c := w.dial()
	defer c.Close()
	go fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: edge\r\n\r\n", method)
	return read(bufio.NewReaderSize(c, 16))
}

func TestAReaderBelowTheMinimumRateFails_A9(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 10<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(http.ResponseWriter) error{
		"writes": func(w http.ResponseWriter) error {
			for range 320 {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return err
				}
			}
			return nil
		},
		"a flush": func(w http.ResponseWriter) error {
			_, _ = io.WriteString(w, "little")
			return http.NewResponseController(w).Flush()
		},
		"a file": func(w http.ResponseWriter) error {
			f, err := os.Open(path)
			if err != nil {
				t.Error(err)
			}
			defer f.Close()
			_, err = io.CopyN(w, f, 10<<20)
			return err
		},
		"another source": func(w http.ResponseWriter) error {
			_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 10<<20)))
			return err
		},
		"an interim head": func(w http.ResponseWriter) error {
			w.WriteHeader(http.StatusEarlyHints)
			_, err := w.Write(make([]byte, 32<<10))
			return err
		},
	} {
		for speed, pause := range map[string]time.Duration{"nothing is read": 0, "a byte every 5 s": 5 * time.Second} {
			t.Run(name+", "+speed, func(t *testing.T) {
				var failed chan error // of the bubble
				handle := func(w http.ResponseWriter, _ *http.Request) { failed <- write(w) }
				bubble(t, handle, func(w *world) {
					failed = make(chan error, 1)
					_ = w.reader(t, "GET", func(in *bufio.Reader) error {
						for pause > 0 {
							time.Sleep(pause)
							if _, err := in.ReadByte(); err != nil {
								return err
							}
						}
						if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("writing failed with %v, expected a deadline", err)
						}
						return nil
					})
					if pause > 0 {
						<-failed
					}
					if w.late[ForAnswer].Load() != 1 {
						t.Errorf("counted %d times", w.late[ForAnswer].Load())
					}
				})
			})
		}
	}
}
