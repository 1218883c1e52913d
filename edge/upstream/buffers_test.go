package upstream

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// plainHost is a Host that passes the client's Host on.
type plainHost struct{}

func (plainHost) Forward(in, out *http.Request, _ bool) { out.Host = in.Host }

// handlerFor returns a Handler for an application.
func handlerFor(t *testing.T, app http.HandlerFunc) *Handler {
	t.Helper()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	h, err := New(Config{URL: parsed(t, server.URL), Host: plainHost{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// foreign is a pool whose buffers are full of another tenant's bytes.
type foreign struct{}

func (foreign) Get() []byte { return bytes.Repeat([]byte("#"), bufferSize) }
func (foreign) Put([]byte)  {}

func TestNoByteOfABufferPrecedesItsAnswer(t *testing.T) {
	h := handlerFor(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		body := bytes.Repeat([]byte("a"), size)
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", strconv.Itoa(size))
		case "/truncated":
			w.Header().Set("Content-Length", strconv.Itoa(size+100))
		case "/flushed":
			for i := range body {
				_, _ = w.Write(body[i : i+1])
				_ = http.NewResponseController(w).Flush()
			}
			return
		case "/trailer":
			w.Header().Set("Trailer", "X-End")
			defer w.Header().Set("X-End", "1")
		}
		_, _ = w.Write(body)
	})
	h.reverse.BufferPool = foreign{}
	edge := httptest.NewServer(h)
	defer edge.Close()
	for _, method := range []string{"GET", "HEAD"} {
		for _, kind := range []string{"/length", "/truncated", "/chunked", "/flushed", "/trailer"} {
			for _, size := range []int{0, 1, 100, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize} {
				if kind == "/flushed" && size > 100 || kind == "/truncated" && size <= 100 {
					continue // net/http sends nothing of so short an answer
				}
				r, err := http.NewRequest(method, fmt.Sprintf("%s%s?size=%d", edge.URL, kind, size), nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if method == "HEAD" {
					size = 0
				}
				if failed := err != nil; failed != (kind == "/truncated" && method == "GET") {
					t.Errorf("%s %s: error %v", method, r.URL, err)
				}
				if len(body) != size || strings.Trim(string(body), "a") != "" {
					t.Errorf("%s %s: %d bytes, %d of them foreign; expected %d", method, r.URL, len(body), bytes.Count(body, []byte("#")), size)
				}
			}
		}
	}
}

// Each connection belongs to one tenant. The server has returned the buffer of a
// stream that is reset, while frames of the stream may still be on their way.
func TestStreamsThatAreResetGetNoBytesOfAnotherTenant(t *testing.T) {
	h := handlerFor(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(r.Host[:1]), 40<<10))
	})
	edge := httptest.NewUnstartedServer(h)
	edge.Config.Protocols = new(http.Protocols)
	edge.Config.Protocols.SetUnencryptedHTTP2(true)
	edge.Start()
	defer edge.Close()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() { resetStreams(t, edge.Listener.Addr().String(), []string{"a", "b"}[i%2]) })
	}
	all.Wait()
}

// resetStreams opens streams, resets most of them after a few frames, and checks
// the bytes of all DATA frames.
func resetStreams(t *testing.T, address, tenant string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	framer := http2.NewFramer(conn, conn)
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	open := func(stream uint32) error {
		head.Reset()
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", tenant + ".test"}, {":path", "/"}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
	}
	_, err = io.WriteString(conn, http2.ClientPreface)
	for _, step := range []func() error{
		func() error {
			return framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		},
		func() error { return framer.WriteWindowUpdate(0, 1<<30) },
		func() error { return open(1) },
	} {
		if err == nil {
			err = step()
		}
	}
	const streams = 200
	for stream, frames := uint32(1), 0; err == nil && stream < 2*streams; {
		var frame http2.Frame
		if frame, err = framer.ReadFrame(); err != nil {
			break
		}
		if data, ok := frame.(*http2.DataFrame); ok {
			if strings.Trim(string(data.Data()), tenant) != "" {
				t.Errorf("tenant %s got bytes of another", tenant)
				return
			}
		}
		if frame.Header().StreamID != stream {
			continue // of one that was reset
		}
		ended := frame.Header().Flags.Has(http2.FlagDataEndStream)
		if frames++; frames <= int(stream)%5 && !ended {
			continue
		}
		if !ended {
			err = framer.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		stream, frames = stream+2, 0
		if err == nil {
			err = open(stream)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// discarded is a ResponseWriter that drops the answer.
type discarded http.Header

func (d discarded) Header() http.Header       { return http.Header(d) }
func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) WriteHeader(int)             {}

func TestAnAnswerAllocatesNoBuffer(t *testing.T) {
	h := handlerFor(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "short") })
	r := httptest.NewRequest("GET", "http://acme.test/", nil)
	serve := func() { h.ServeHTTP(discarded{}, r) }
	serve()
	const requests = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		serve()
	}
	runtime.ReadMemStats(&after)
	// Includes the application's part. The race detector makes pools drop elements
	// at random, a quarter of them.
	if each := (after.TotalAlloc - before.TotalAlloc) / requests; each > bufferSize {
		t.Errorf("a request allocates %d bytes, expected less than a buffer of %d", each, bufferSize)
	} else {
		t.Logf("%d bytes a request", each)
	}
}
