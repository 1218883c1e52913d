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

// Upstream is a websocket to a server.
type Upstream struct {
	// Header is the header of the server's response, without the fields of the
	// handshake and those that must not be forwarded.
	Header http.Header

	conn      net.Conn
	reader    *bufio.Reader // has the bytes that followed the response
	protocol  string
	extension string // permessage-deflate with the agreed parameters; "": none
}

// StatusError is the error of Dial for a response with another status than 101. The
// caller closes its body.
type StatusError struct{ Response *http.Response }

func (r *StatusError) Error() string { return "sockets: the server answered " + r.Response.Status }

// ErrHandshake is in the chain of Dial's error for an invalid response with status
// 101.
var ErrHandshake = errors.New("sockets: the server's handshake is invalid")

// Dialer opens websockets to servers.
type Dialer struct {
	// Timeout bounds connecting, including TLS; HandshakeTimeout the response. 0:
	// none.
	Timeout, HandshakeTimeout time.Duration
	// HeaderBytes bounds the header of the response, including those of interim
	// (1xx) responses; HeaderFields bounds the fields of each. Default:
	// http1.DefaultHeaderBytes and http1.DefaultHeaderFields.
	HeaderBytes  int64
	HeaderFields int
	// TLS configures wss. An empty ServerName means the URL's host.
	TLS *tls.Config
}

// Dial opens a websocket. It uses the request's URL (ws, wss, http or https), Host
// and Header. It offers the subprotocols in Sec-WebSocket-Protocol, and
// permessage-deflate as in Sec-WebSocket-Extensions, and sets the other fields of
// the handshake itself. If the server's status is not 101, the error is a
// *StatusError.
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
	var status *StatusError
	switch {
	case errors.As(err, &status): // the caller reads the body
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
	client := tls.Client(newSwitchable(conn), config)
	if err := client.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil
}

// guid is the constant from which a server computes Sec-WebSocket-Accept (RFC
// 6455, 1.3).
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
		out.Header["User-Agent"] = []string{""} // no default User-Agent
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
		return nil, fmt.Errorf("%w: expected Upgrade, Connection and a Sec-WebSocket-Accept for the key", ErrHandshake)
	}
	up := &Upstream{Header: answer.Header, conn: conn, reader: reader, protocol: answer.Header.Get("Sec-Websocket-Protocol")}
	protocols, _ := parseTokens(out.Header["Sec-Websocket-Protocol"])
	if len(answer.Header["Sec-Websocket-Protocol"]) > 1 || up.protocol != "" && !slices.Contains(protocols, up.protocol) {
		return nil, fmt.Errorf("%w: expected one of the offered subprotocols, found another", ErrHandshake)
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

// readHead reads the header of the response to r. The reader has the bytes after
// it.
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

// offersOf removes all offered extensions except permessage-deflate, whose
// frames a relay may fragment, and returns the offers of it.
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

// acceptExtension sets the extension that the server chose, which must match an offer.
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
	return fmt.Errorf("%w: expected the offered extension or none, found another", ErrHandshake)
}

// Protocol returns the subprotocol that the server chose; empty if none.
func (up *Upstream) Protocol() string { return up.protocol }

// Close closes the connection without a close handshake.
func (up *Upstream) Close() error { return up.conn.Close() }

// closingBody is a response body that closes the connection too.
type closingBody struct {
	io.ReadCloser
	conn net.Conn
}

func (b *closingBody) Close() error { return errors.Join(b.ReadCloser.Close(), b.conn.Close()) }

// Stream returns the connection, for a caller that handles frames itself. Reads
// must use the reader, which may have buffered bytes.
func (up *Upstream) Stream() (net.Conn, *bufio.Reader) { return up.conn, up.reader }
