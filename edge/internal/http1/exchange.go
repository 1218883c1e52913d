package http1

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"sync/atomic"
	"time"
)

// writeWait bounds the wait for the end of a request whose answer is complete.
const writeWait = 50 * time.Millisecond

// exchange is one request on a connection and its answer.
type exchange struct {
	conn    *conn
	request *http.Request
	keep    bool        // the connection may be reused
	stop    func() bool // stops watching the request's context

	done       chan struct{} // closed when write returns; nil: write ran without a goroutine
	sent       atomic.Bool   // the complete request was written
	bodyErr    error         // of reading the client's body; valid once bodyFailed
	bodyFailed atomic.Bool

	mu     sync.Mutex
	headed bool // the final head has arrived: write no longer sets a deadline
}

func (x *exchange) run() (*http.Response, error) {
	cn := x.conn
	x.stop = context.AfterFunc(x.request.Context(), cn.close)
	cn.in.budget, cn.in.err = cn.client.config.HeaderBytes, nil
	if hasBody(x.request) {
		x.done = make(chan struct{})
		go func() {
			defer close(x.done)
			x.write()
		}()
	} else {
		cn.in.request = x
	}
	resp, err := x.head()
	if err != nil {
		cn.close()
		x.stop()
		return nil, x.cause(err)
	}
	return resp, nil
}

// cause returns why there is no answer: the request's context ended, the client's
// body could not be read, or err.
func (x *exchange) cause(err error) error {
	if cause := context.Cause(x.request.Context()); cause != nil {
		return cause
	}
	if x.bodyFailed.Load() {
		return x.bodyErr
	}
	return err
}

// send implements sender, for a request without a body.
func (x *exchange) send() { x.write() }

// write sends the request. A failure to send it is no error: the application may
// already have answered, and its answer says why.
func (x *exchange) write() {
	out := x.request
	if hasBody(out) {
		clone := *out
		clone.Body = &requestBody{ReadCloser: out.Body, x: x}
		out = &clone
	}
	err := out.Write(x.conn.out)
	if err == nil {
		err = x.conn.out.Flush()
	}
	if err != nil {
		x.conn.spoiled.Store(true)
		if x.bodyFailed.Load() {
			x.conn.close() // an answer to an incomplete request means nothing
		}
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if limit := x.conn.client.config.HeaderTimeout; limit > 0 && !x.headed {
		_ = x.conn.SetReadDeadline(time.Now().Add(limit))
	}
	x.sent.Store(true)
}

// requestBody records why the client's body could not be read.
type requestBody struct {
	io.ReadCloser
	x *exchange
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.x.bodyErr = err
		b.x.bodyFailed.Store(true)
	}
	return n, err
}

// head reads heads up to the final one.
func (x *exchange) head() (*http.Response, error) {
	cn := x.conn
	trace := httptrace.ContextClientTrace(x.request.Context())
	for {
		resp, err := ReadResponse(cn.reader, x.request)
		if err != nil {
			return nil, cn.in.cause()
		}
		if len(resp.Header) > cn.client.config.HeaderFields || Fields(resp.Header) > cn.client.config.HeaderFields {
			return nil, ErrHeadTooLarge
		}
		if resp.StatusCode < 100 || resp.ProtoMajor != 1 {
			return nil, ErrMalformed
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return x.final(resp)
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// Fields returns the number of fields of a head.
func Fields(header http.Header) int {
	n := 0
	for _, values := range header {
		n += len(values)
	}
	return n
}

func (x *exchange) final(resp *http.Response) (*http.Response, error) {
	cn := x.conn
	x.mu.Lock()
	x.headed = true
	if cn.client.config.HeaderTimeout > 0 {
		_ = cn.SetReadDeadline(time.Time{})
	}
	x.mu.Unlock()
	cn.in.budget = unbounded
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		if !switches(x.request, resp) {
			return nil, ErrSwitched
		}
		resp.Body = &switched{conn: cn, stop: x.stop}
	case bodyless(x.request.Method, resp.StatusCode):
		if resp.StatusCode == http.StatusResetContent || resp.StatusCode == http.StatusNoContent {
			resp.ContentLength, resp.TransferEncoding = 0, nil
			delete(resp.Header, "Content-Length")
		}
		resp.Body = http.NoBody
		x.end(false)
	case resp.Body == http.NoBody:
		x.end(!resp.Close)
	default:
		resp.Body = &answerBody{inner: resp.Body, x: x, resp: resp}
	}
	return resp, nil
}

// end returns the connection to the pool or closes it. The exchange does not use
// it afterwards.
func (x *exchange) end(keep bool) {
	keep = x.stop() && keep // if the context has ended, the connection is being closed
	if keep && x.done != nil && !x.sent.Load() {
		// The answer may be complete shortly before write returns.
		late := time.NewTimer(writeWait)
		select {
		case <-x.done:
		case <-late.C:
		}
		late.Stop()
	}
	if keep && x.sent.Load() && !x.conn.spoiled.Load() {
		x.conn.client.pool.put(x.conn, x.keep)
		return
	}
	x.conn.close()
}

// answerBody returns the connection to the pool once it has been read to its end.
type answerBody struct {
	inner io.ReadCloser
	x     *exchange
	resp  *http.Response
	err   error
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.inner.Read(p)
	if err == nil {
		return n, nil
	}
	if err == io.EOF && Fields(b.resp.Trailer) > b.x.conn.client.config.HeaderFields {
		err = ErrHeadTooLarge
	}
	if err != io.EOF {
		switch cause := context.Cause(b.x.request.Context()); {
		case cause != nil:
			err = cause
		case b.x.conn.in.err != nil && b.x.conn.in.err != io.EOF:
			err = b.x.conn.in.err
		case err != ErrHeadTooLarge && err != io.ErrUnexpectedEOF:
			err = ErrMalformed // the original error may contain bytes of the answer
		}
	}
	b.err = err
	b.x.end(err == io.EOF && !b.resp.Close)
	return n, err
}

func (b *answerBody) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.x.end(false)
	}
	return nil
}

// switched is a connection after a switch of protocols.
type switched struct {
	conn *conn
	stop func() bool
}

func (s *switched) Read(p []byte) (int, error)  { return s.conn.reader.Read(p) }
func (s *switched) Write(p []byte) (int, error) { return s.conn.Write(p) }

// CloseWrite shuts down the writing side if the connection supports it.
func (s *switched) CloseWrite() error {
	if c, ok := s.conn.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

func (s *switched) Close() error {
	s.stop()
	return s.conn.Close()
}
