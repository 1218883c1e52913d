package sockets

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/http1"
)

// Upstream is a websocket that was opened towards a server.
type Upstream struct {
	// Header is that of the server's answer, without what is the handshake's own
	// or not for clients.
	Header http.Header

	conn      net.Conn
	reader    *bufio.Reader // has what came with the answer
	protocol  string
	extension string // permessage-deflate, as the server agreed to it; "": none
}

// StatusError is the error of Dial when the server answers with another status than
// 101. Its body is to be closed.
type StatusError struct{ Response *http.Response }

func (r *StatusError) Error() string { return "sockets: the server answered " + r.Response.Status }

// ErrHandshake is in the chain of Dial's error for an answer that is 101, but
// not right.
var ErrHandshake = errors.New("sockets: the server's handshake is wrong")

// Dialer opens websockets towards servers.
type Dialer struct {
	// Timeout bounds connecting, with TLS; HandshakeTimeout the answer. 0: none.
	Timeout, HandshakeTimeout time.Duration
	// HeaderBytes bounds the head of the answer, with the interim (1xx) heads
	// before it; HeaderFields the fields of each head. Default: those of package
	// upstream.
	HeaderBytes  int64
	HeaderFields int
	// TLS is used for wss; its ServerName is the URL's host unless it is set.
	TLS *tls.Config
}

// Dial opens a websocket. Of the request, the URL (ws, wss, http or https), the
// Host and the header are used. Sec-WebSocket-Protocol in it is offered, and so
// is what Sec-WebSocket-Extensions says of permessage-deflate; the rest of the
// handshake is Dial's own.
func (d *Dialer) Dial(ctx context.Context, r *http.Request) (*Upstream, error) {
	conn, err := d.connect(ctx, r)
	if err != nil {
		return nil, err
	}
	if d.HandshakeTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.HandshakeTimeout)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	up, err := d.handshake(conn, r)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	var refused *StatusError
	switch {
	case errors.As(err, &refused): // its body is still to be read
	case err != nil:
		conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("sockets: %w: %w", ctx.Err(), err)
		}
	}
	return up, err
}

func (d *Dialer) connect(ctx context.Context, r *http.Request) (net.Conn, error) {
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	secure := r.URL.Scheme == "wss" || r.URL.Scheme == "https"
	port := r.URL.Port()
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil || !secure {
		return conn, err
	}
	config := new(tls.Config)
	if d.TLS != nil {
		config = d.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = r.URL.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	over := tls.Client(newSwitchable(conn), config)
	if err := over.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return over, nil
}

// guid is what a server proves with that it knows websockets (RFC 6455, 1.3).
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (d *Dialer) handshake(conn net.Conn, r *http.Request) (*Upstream, error) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	out := &http.Request{Method: http.MethodGet, URL: r.URL, Host: r.Host, Header: r.Header.Clone()}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": key,
	} {
		out.Header[name] = []string{value}
	}
	if out.Header["User-Agent"] == nil {
		out.Header["User-Agent"] = []string{""} // none, rather than Go's
	}
	offers := offersOf(out.Header)
	if err := out.Write(conn); err != nil {
		return nil, err
	}
	answer, reader, err := d.readHead(conn, out)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		answer.Body = &closingBody{answer.Body, conn}
		return nil, &StatusError{answer}
	}
	if !header.HasToken(answer.Header["Upgrade"], "websocket") || !header.HasToken(answer.Header["Connection"], "upgrade") ||
		answer.Header.Get("Sec-Websocket-Accept") != acceptKey(key) {
		return nil, fmt.Errorf("%w: it does not answer the key", ErrHandshake)
	}
	up := &Upstream{Header: answer.Header, conn: conn, reader: reader, protocol: answer.Header.Get("Sec-Websocket-Protocol")}
	protocols, _ := parseTokens(out.Header["Sec-Websocket-Protocol"])
	if len(answer.Header["Sec-Websocket-Protocol"]) > 1 || up.protocol != "" && !slices.Contains(protocols, up.protocol) {
		return nil, fmt.Errorf("%w: it chose a subprotocol that was not offered", ErrHandshake)
	}
	if err := up.acceptExtension(offers); err != nil {
		return nil, err
	}
	for name := range up.Header {
		if strings.HasPrefix(name, "Sec-Websocket-") {
			delete(up.Header, name)
		}
	}
	http1.CleanHead(up.Header)
	return up, nil
}

// head reads the head of the answer to r. The reader has what came after it.
func (d *Dialer) readHead(conn net.Conn, r *http.Request) (*http.Response, *bufio.Reader, error) {
	bounded := &io.LimitedReader{R: conn, N: cmp.Or(d.HeaderBytes, http1.DefaultHeaderBytes)}
	reader := bufio.NewReader(bounded)
	for {
		answer, err := http1.ReadResponse(reader, r)
		switch {
		case err != nil && bounded.N <= 0,
			err == nil && http1.Fields(answer.Header) > cmp.Or(d.HeaderFields, http1.DefaultHeaderFields):
			return nil, nil, http1.ErrHeadTooLarge
		case err != nil:
			return nil, nil, err
		case answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols:
			bounded.N = math.MaxInt64
			return answer, reader, nil
		}
	}
}

// offersOf keeps of the offered extensions the one whose frames a relay can cut
// in pieces, and returns the offers of it.
func offersOf(header http.Header) []deflateTerms {
	extensions, _ := parseExtensions(header["Sec-Websocket-Extensions"]) // malformed: none
	offers := deflateOffers(extensions)
	delete(header, "Sec-Websocket-Extensions")
	if len(offers) > 0 {
		var list []string
		for _, o := range offers {
			list = append(list, o.String())
		}
		header["Sec-Websocket-Extensions"] = []string{strings.Join(list, ", ")}
	}
	return offers
}

// extend takes note of what the server chose, which must answer an offer.
func (up *Upstream) acceptExtension(offers []deflateTerms) error {
	chosen, ok := parseExtensions(up.Header["Sec-Websocket-Extensions"])
	if ok && len(chosen) == 0 {
		return nil
	}
	if ok && len(chosen) == 1 {
		answer, valid := deflateTermsOf(chosen[0])
		if valid && slices.ContainsFunc(offers, answer.answers) {
			up.extension = answer.String()
			return nil
		}
	}
	return fmt.Errorf("%w: it chose extensions that were not offered", ErrHandshake)
}

// Protocol is the subprotocol that the server chose; empty if none.
func (up *Upstream) Protocol() string { return up.protocol }

// Close drops the connection.
func (up *Upstream) Close() error { return up.conn.Close() }

// lastBody is the body of an answer behind which the connection ends.
type closingBody struct {
	io.ReadCloser
	conn net.Conn
}

func (b *closingBody) Close() error { return errors.Join(b.ReadCloser.Close(), b.conn.Close()) }

// Stream is the connection, and what of it was read already, for who writes
// frames himself.
func (up *Upstream) Stream() (net.Conn, *bufio.Reader) { return up.conn, up.reader }
