package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

func newWS() *cobra.Command {
	return group(&cobra.Command{
		Use:     "ws",
		Short:   "Open websockets as a client",
		Long:    "ws opens websockets, to show what the clients of a tenant see.",
		Example: "  tenantedge ws connect ws://acme.example.com/room/lobby/ --send hello",
	}, newWSConnect())
}

// wsOptions are the flags of ws connect.
type wsOptions struct {
	host, origin string
	send         []string
	protocols    []string
	headers      []string
	wait         time.Duration
	binary       bool
	insecure     bool
}

func newWSConnect() *cobra.Command {
	var o wsOptions
	c := &cobra.Command{
		Use:   "connect URL",
		Short: "Open a websocket, send lines and print messages",
		Long: text(`
			connect opens a websocket and sends each line of its input as a message. It prints
			each message that it receives on a line: text as it is, binary as a quoted Go
			string. With --send, it sends only those texts, and closes the websocket when it has
			received nothing for --wait.

			--host selects the tenant if the URL has only an address. The Origin is that of a
			page on the same host, unless --origin names another one; if --origin is empty, none
			is sent, as by clients that are not browsers.

			The exit status is 0 if the websocket was closed with 1000 or 1001, as at the end of
			the input; 1 if it ended otherwise; and 3 if the handshake was refused. In this case
			connect prints the status and its text:

			  400  the handshake is malformed, or its Host or path is ambiguous
			  404  no tenant has that host, or no route matches that path
			  403  the Origin is neither a domain of the tenant nor in websockets.origins
			  421  the tenant's domain, header and session disagree
			  426  the request is not a websocket handshake of version 13
			  502  the upstream is not reachable, or the guest failed
			  503  the tenant has too many connections, or the edge is shutting down
		`),
		Example: text(`
			  tenantedge ws connect ws://acme.example.com/room/lobby/
			  tenantedge ws connect ws://127.0.0.1:8080/room/lobby/ --host acme.example.com --send hello
			  tenantedge ws connect wss://127.0.0.1:8443/chat/ --host acme.example.com --protocol chat.v2 --insecure
		`),
		Args: exactArgs("URL"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.connect(c.Context(), args[0], c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.host, "host", "", "`HOST` of the handshake, instead of the URL's")
	f.StringVar(&o.origin, "origin", "same", "`ORIGIN` of the handshake; empty: none")
	f.StringArrayVar(&o.send, "send", nil, "`TEXT` to send instead of the input; may be repeated")
	f.StringSliceVar(&o.protocols, "protocol", nil, "`NAMES` of subprotocols to offer, in order of preference")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "additional header of the handshake, as `NAME: VALUE`; may be repeated")
	f.DurationVar(&o.wait, "wait", time.Second, "`TIME` to wait for further messages after --send")
	f.BoolVar(&o.binary, "binary", false, "send binary messages")
	f.BoolVar(&o.insecure, "insecure", false, "accept any certificate")
	return c
}

func (o *wsOptions) connect(ctx context.Context, target string, in io.Reader, out, errOut io.Writer) error {
	r, err := o.request(target)
	if err != nil {
		return err
	}
	dialer := &sockets.Dialer{Timeout: 10 * time.Second, HandshakeTimeout: 30 * time.Second, TLS: &tls.Config{InsecureSkipVerify: o.insecure}}
	// Certificates are for the tenant's host, not for the address that is dialed.
	dialer.TLS.ServerName = (&url.URL{Host: r.Host}).Hostname()
	up, err := dialer.Dial(ctx, r)
	var refused *sockets.StatusError
	if errors.As(err, &refused) {
		defer refused.Response.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(refused.Response.Body, 4<<10))                    // as much as can be read
		text, _ := strings.CutPrefix(strings.TrimSpace(string(body)), refused.Response.Status) // the edge repeats the status there
		return &handshakeError{refused.Response.Status, strings.TrimSpace(text)}
	}
	if err != nil {
		return fmt.Errorf("ws connect: %w", err)
	}
	client := sockets.NewClient(up, 64<<20)
	defer func() { _ = client.Drop() }()
	defer context.AfterFunc(ctx, func() { _ = client.Drop() })()
	if client.Protocol() != "" {
		fmt.Fprintf(errOut, "subprotocol %s\n", client.Protocol())
	}
	op := sockets.Text
	if o.binary {
		op = sockets.Binary
	}
	if len(o.send) > 0 {
		for _, text := range o.send {
			if err := client.Write(op, []byte(text)); err != nil {
				return fmt.Errorf("ws connect: %w", err)
			}
		}
		return o.print(client, out, errOut, nil)
	}
	done := make(chan struct{}) // closed when the input has ended
	go func() {
		defer close(done)
		lines := bufio.NewScanner(in)
		for lines.Buffer(nil, 64<<20); lines.Scan(); {
			if client.Write(op, lines.Bytes()) != nil {
				return // print reports why
			}
		}
		_ = client.Close(sockets.CodeNormal, "") // the websocket may have ended
	}()
	return o.print(client, out, errOut, done)
}

// print prints messages until the websocket ends. Without an input, it closes the
// websocket once nothing has arrived for o.wait.
func (o *wsOptions) print(client *sockets.Client, out, errOut io.Writer, input <-chan struct{}) error {
	var quiet *time.Timer
	if input == nil {
		quiet = time.AfterFunc(o.wait, func() {
			_ = client.Close(sockets.CodeNormal, "") // the websocket may have ended
			_ = client.SetDeadline(time.Now().Add(5 * time.Second))
		})
		defer quiet.Stop()
	}
	for {
		op, payload, err := client.Read()
		var closed *sockets.CloseError
		switch {
		case errors.As(err, &closed):
			fmt.Fprintln(terminal{errOut}, strings.TrimSpace(fmt.Sprintf("closed with %d %s", closed.Code, closed.Reason)))
			if closed.Code == sockets.CodeNormal || closed.Code == sockets.CodeGoingAway {
				return nil
			}
			return fmt.Errorf("ws connect: expected the websocket to be closed with 1000 or 1001, found %d", closed.Code)
		case err != nil:
			return fmt.Errorf("ws connect: the connection was lost: %w", err)
		}
		if quiet != nil {
			quiet.Reset(o.wait)
		}
		if op == sockets.Text {
			_, err = fmt.Fprintf(out, "%s\n", payload)
		} else {
			_, err = fmt.Fprintf(out, "%q\n", payload)
		}
		if err != nil {
			return err
		}
	}
}

// request returns the request of the handshake.
func (o *wsOptions) request(target string) (*http.Request, error) {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, usagef("ws connect: expected a URL such as ws://acme.example.com/room/ or wss://…, found %q", target)
	}
	r := &http.Request{URL: u, Host: cmp.Or(o.host, u.Host), Header: http.Header{}}
	if below := strings.ToLower(u.Hostname()); strings.HasSuffix(below, ".localhost") {
		// Browsers resolve these names to loopback (RFC 6761, 6.3); few resolvers do.
		u.Host = strings.TrimSuffix(net.JoinHostPort("localhost", u.Port()), ":")
	}
	if len(o.protocols) > 0 {
		r.Header.Set("Sec-WebSocket-Protocol", strings.Join(o.protocols, ", "))
	}
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usagef("ws connect: --header: expected NAME: VALUE, found %q", h)
		}
		r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	switch {
	case len(r.Header["Origin"]) > 0 || o.origin == "":
	case o.origin == "same":
		r.Header.Set("Origin", strings.Replace(u.Scheme, "ws", "http", 1)+"://"+r.Host)
	default:
		r.Header.Set("Origin", o.origin)
	}
	return r, nil
}

// handshakeError reports a handshake that was answered with another status than 101.
type handshakeError struct{ status, text string }

func (e *handshakeError) Error() string {
	return strings.TrimSuffix("ws connect: the handshake was refused: "+e.status+"\n"+e.text, "\n")
}
