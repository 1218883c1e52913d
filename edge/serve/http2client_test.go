package serve

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/tenantedge/tenantedge/edge/config"
)

// http2Client sends single HTTP/2 frames, so that it can send requests that no
// library sends.
type http2Client struct {
	*http2.Framer
	t       testing.TB
	conn    net.Conn
	block   bytes.Buffer
	encoder *hpack.Encoder
	last    uint32
}

// http2 connects to the first listener, by TLS if the listener has a certificate.
func (w *world) http2(t testing.TB) *http2Client {
	t.Helper()
	conn, err := net.Dial("tcp", w.addr())
	if err != nil {
		t.Fatal(err)
	}
	if len(w.server.now().options.Listeners[0].TLS) > 0 {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, ServerName: "acme.example.com"})
	}
	t.Cleanup(func() { conn.Close() })
	c := &http2Client{Framer: http2.NewFramer(conn, conn), t: t, conn: conn}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.AllowIllegalWrites = true
	c.encoder = hpack.NewEncoder(&c.block)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	c.must(c.WriteSettings())
	return c
}

func (c *http2Client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// fields parses lines of the form "name: value".
func fields(lines ...string) []hpack.HeaderField {
	var all []hpack.HeaderField
	for _, line := range lines {
		i := strings.Index(line[1:], ":") + 1
		all = append(all, hpack.HeaderField{Name: line[:i], Value: strings.TrimPrefix(line[i+1:], " ")})
	}
	return all
}

// getHead returns the pseudo header fields of a GET request, followed by more.
func getHead(target string, more ...string) []string {
	return slices.Concat([]string{":method: GET", ":scheme: http", ":authority: acme.example.com", ":path: " + target}, more)
}

// open begins a stream.
func (c *http2Client) open(end bool, lines ...string) (stream uint32) {
	c.t.Helper()
	c.last = max(c.last+2, 1) | 1
	c.head(c.last, end, lines...)
	return c.last
}

// head sends the head or the trailer of a stream.
func (c *http2Client) head(stream uint32, end bool, lines ...string) {
	c.t.Helper()
	c.block.Reset()
	for _, f := range fields(lines...) {
		c.must(c.encoder.WriteField(f))
	}
	c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true}))
}

// http2Answer is the outcome of a stream.
type http2Answer struct {
	status  string // of the final head; "reset" or "closed" if there is none
	interim []string
	header  []hpack.HeaderField
	body    string
	trailer []hpack.HeaderField
	reset   bool // also after a head
}

func (a *http2Answer) values(name string) []string { return valuesOf(a.header, name) }

func valuesOf(all []hpack.HeaderField, name string) []string {
	var found []string
	for _, f := range all {
		if f.Name == name {
			found = append(found, f.Value)
		}
	}
	return found
}

// answer reads until a stream ends.
func (c *http2Client) answer(stream uint32) (a http2Answer) {
	c.t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			if a.status == "" {
				a.status = "closed"
			}
			a.reset = true
			return a
		}
		if f, ok := frame.(*http2.SettingsFrame); ok && !f.IsAck() {
			c.must(c.WriteSettingsAck())
		}
		if frame.Header().StreamID != stream {
			continue
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			switch status := f.PseudoValue("status"); {
			case strings.HasPrefix(status, "1"):
				a.interim = append(a.interim, status)
			case status != "":
				a.status, a.header = status, f.Fields
			default:
				a.trailer = f.Fields
			}
			if f.StreamEnded() {
				return a
			}
		case *http2.DataFrame:
			a.body += string(f.Data())
			if f.StreamEnded() {
				return a
			}
		case *http2.RSTStreamFrame:
			a.reset = true
			if a.status == "" {
				a.status = "reset"
			}
			return a
		}
	}
}

// do sends a request without a body.
func (c *http2Client) do(lines ...string) http2Answer {
	c.t.Helper()
	return c.answer(c.open(true, lines...))
}

// bothHTTP2 runs a test in clear text and over TLS.
func bothHTTP2(t *testing.T, run func(*testing.T, func(*setup))) {
	t.Run("h2c", func(t *testing.T) { run(t, h2c) })
	t.Run("TLS", func(t *testing.T) {
		certificate := newCertificate(t, "acme.example.com")
		run(t, func(s *setup) {
			s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2: true, TLS: []config.Certificate{certificate.pair}}}
		})
	})
}

// oneOf reports whether status is in a list of statuses separated by spaces.
func oneOf(status, allowed string) bool { return slices.Contains(strings.Fields(allowed), status) }
