package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// script listens on loopback and returns a function that dials it. serve handles
// each connection and gets its number.
func script(t *testing.T, serve func(n int, c net.Conn, in *bufio.Reader)) func(context.Context) (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				serve(n, c, bufio.NewReader(c))
			})
		}
	}()
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
}

type ownerKey struct{}

// trusting returns a Client whose application has passed its probation.
func trusting(t *testing.T, dial func(context.Context) (net.Conn, error)) *Client {
	c := New(Config{Dial: dial, Owner: func(ctx context.Context) (Owner, bool) {
		name, _ := ctx.Value(ownerKey{}).(string)
		return Owner{Schema: name}, true
	}})
	c.pool.clean = probation
	t.Cleanup(c.CloseIdle)
	return c
}

// send sends a request of an owner and returns the body of the answer.
func send(t *testing.T, c *Client, owner, method string, body io.Reader) (string, error) {
	t.Helper()
	ctx := context.WithValue(t.Context(), ownerKey{}, owner)
	r, err := http.NewRequestWithContext(ctx, method, "http://app/", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func page(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// numbered answers each request with the number of its connection.
func numbered(n int, c net.Conn, in *bufio.Reader) {
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(c, page(fmt.Sprint(n)))
	}
}

func TestAConnectionIsReusedOnlyForItsOwner_A1(t *testing.T) {
	c := trusting(t, script(t, numbered))
	for i, step := range []struct{ owner, method, answer string }{
		{"a", "GET", "0"}, {"a", "GET", "0"}, {"b", "GET", "1"}, {"a", "POST", "0"}, {"", "GET", "2"}, {"b", "GET", "1"}, {"", "GET", "2"},
	} {
		var body io.Reader
		if step.method == "POST" {
			body = io.MultiReader(strings.NewReader("of unknown length"))
		}
		if got, err := send(t, c, step.owner, step.method, body); got != step.answer || err != nil {
			t.Errorf("step %d of %q: connection %s, %v, expected %s", i, step.owner, got, err, step.answer)
		}
	}
}

func TestAConnectionOnWhichBytesArriveWhileIdleIsNotReused_A1(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			sent := make(chan struct{})
			c := trusting(t, script(t, func(n int, c net.Conn, in *bufio.Reader) {
				if n > 0 {
					numbered(n, c, in)
					return
				}
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				fmt.Fprint(c, page("0"))
				<-sent
				fmt.Fprint(c, page("wrong"))
				sent <- struct{}{}
				if _, err := in.ReadByte(); err == nil { // until the other end closes
					t.Error("a request was sent")
				}
			}))
			if got, err := send(t, c, "a", "GET", nil); got != "0" || err != nil {
				t.Fatal(got, err)
			}
			sent <- struct{}{}
			<-sent
			var body io.Reader
			if method == http.MethodPost {
				body = io.MultiReader(strings.NewReader("once")) // can be read only once and must not be lost
			}
			if got, err := send(t, c, "a", method, body); got != "1" || err != nil {
				t.Errorf("connection %q, %v, expected a new one", got, err)
			}
			if s := c.Stats(); s.Surplus != 1 || s.Reuses || s.Reused != 0 {
				t.Errorf("%+v, expected the surplus to be found", s)
			}
		})
	}
}

func TestAKeptConnectionThatTheApplicationClosedIsNoError(t *testing.T) {
	c := trusting(t, script(t, func(n int, c net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		fmt.Fprint(c, page(fmt.Sprint(n)))
		if n == 0 {
			_, _ = http.ReadRequest(in) // reads the next request, then closes
		}
	}))
	for _, expected := range []string{"0", "1"} {
		if got, err := send(t, c, "a", "GET", nil); got != expected || err != nil {
			t.Errorf("%q, %v, expected %s", got, err, expected)
		}
	}
}

func TestErrorsContainNoBytesOfAnswers_A1(t *testing.T) {
	for name, answer := range map[string]string{
		"status line": "<p>secret</p>\r\n\r\n", "field": "HTTP/1.1 200 OK\r\nsecret\r\n\r\n", "status": "HTTP/1.1 secret\r\n\r\n",
		"length": "HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n", "coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: secret\r\n\r\n",
		"chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n", "version": "HTTP/2.0 200 secret\r\n\r\n",
		"switch": "HTTP/1.1 101 secret\r\nUpgrade: secret\r\nConnection: Upgrade\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := trusting(t, script(t, func(_ int, c net.Conn, in *bufio.Reader) {
				_, _ = http.ReadRequest(in)
				_, _ = io.WriteString(c, answer)
			}))
			if got, err := send(t, c, "a", "GET", nil); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q, %v, expected an error without content of the answer", got, err)
			}
		})
	}
}

func TestAClientsBodyThatFailsIsTheError_A10(t *testing.T) {
	broken := errors.New("broken")
	c := trusting(t, script(t, numbered))
	_, err := send(t, c, "a", "POST", io.MultiReader(strings.NewReader("half"), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("%v, expected the error of the body", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func TestARequestThatIsCanceledEnds(t *testing.T) {
	c := trusting(t, script(t, func(_ int, _ net.Conn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		_, _ = in.ReadByte()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://app/", nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected context.Canceled", err)
	}
}

func TestManyOwnersAtOnce(t *testing.T) {
	c := trusting(t, script(t, func(_ int, c net.Conn, in *bufio.Reader) {
		first := ""
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			if first == "" {
				first = string(body)
			}
			fmt.Fprint(c, page(first))
		}
	}))
	var all sync.WaitGroup
	var wrong atomic.Int64
	for i := range 16 {
		owner := fmt.Sprint(i % 4)
		all.Go(func() {
			for range 200 {
				if got, err := send(t, c, owner, "POST", strings.NewReader(owner)); got != owner || err != nil {
					wrong.Add(1)
				}
			}
		})
	}
	all.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d answers came over a connection of another owner", wrong.Load())
	}
	if s := c.Stats(); s.Reused == 0 {
		t.Errorf("%+v, expected connections to be reused", s)
	}
}

// FuzzAnswer answers with arbitrary bytes. The client must never get more than the
// body of the answer.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		page("a"), "HTTP/1.1 204 No Content\r\n\r\nxx", "HTTP/1.1 103 Early Hints\r\n\r\n" + page("a") + page("b"),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nuntil the end",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		theirs, ours := net.Pipe()
		c := New(Config{
			Dial:  func(context.Context) (net.Conn, error) { return ours, nil },
			Owner: func(context.Context) (Owner, bool) { return Owner{}, true },
		})
		go func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
				_, _ = theirs.Write(answer)
			}
		}()
		r, err := http.NewRequest(http.MethodGet, "http://app/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.RoundTrip(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		if len(body) > len(answer) || resp.ContentLength >= 0 && int64(len(body)) > resp.ContentLength {
			t.Errorf("a body of %d bytes for an answer of %d", len(body), len(answer))
		}
		c.CloseIdle()
	})
}

func TestARequestIsOneLine_A5(t *testing.T) {
	c := trusting(t, script(t, func(int, net.Conn, *bufio.Reader) { t.Error("the application got a connection") }))
	for _, r := range []*http.Request{
		{Method: "GET /other HTTP/1.1", URL: &url.URL{Path: "/"}},
		{Method: "GET", URL: &url.URL{Opaque: "/other HTTP/1.1"}},
		{Method: "GET", URL: &url.URL{Path: "/", RawQuery: "a HTTP/1.1"}},
	} {
		r.Host = "app"
		if _, err := c.RoundTrip(r.WithContext(t.Context())); !errors.Is(err, errRequestLine) {
			t.Errorf("%q %q: %v", r.Method, r.URL, err)
		}
	}
}
