package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	fields "github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Request asks which tenant a request is for.
type Request struct {
	URL       string                 `key:"url"`                   // instead of Scheme, Host and Target
	Method    string                 `key:"method"`                // empty: GET
	Scheme    string                 `key:"scheme,one=http|https"` // empty: http
	Host      *string                `key:"host"`                  // nil: the client sent none; the values of a repeated one are joined by "\n"
	Target    string                 `key:"target"`                // empty: /
	Headers   Headers                `key:"headers"`               // without Host
	Session   map[string]config.JSON `key:"session"`               // data of the verified session
	Remote    string                 `key:"remote"`                // IP address of the peer, with or without a port; empty: an untrusted one
	Trusted   bool                   `key:"trusted"`               // the peer's tenant header is trusted
	Websocket bool                   `key:"websocket"`             // a handshake

	// Direct makes it reach the guest without the host's checks of requests. It is for the
	// golden cases.
	Direct bool
}

// Headers are the headers of a request, with names in any case.
type Headers map[string]Values

// Values are the values of a header. In a file, a single one needs no brackets.
type Values []string

// SetText implements config.Shorthand.
func (v *Values) SetText(text string) error {
	*v = Values{text}
	return nil
}

// HTTP returns the headers with canonical names.
func (h Headers) HTTP() http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			out.Add(name, strings.Trim(v, " \t")) // white space around a value is not part of it
		}
	}
	return out
}

var errRequest = errors.New("expected a method and a URL, such as 'GET http://acme.example.com/x'")

// SetText implements config.Shorthand: METHOD URL. The method is optional.
func (r *Request) SetText(text string) error {
	method, address, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok {
		method, address = http.MethodGet, method
	}
	*r = Request{Method: strings.ToUpper(method), URL: strings.TrimSpace(address)}
	return r.Complete()
}

// Complete sets the defaults, and the parts of the URL. Of needs them.
func (r *Request) Complete() error {
	r.Method = cmp.Or(r.Method, http.MethodGet)
	if r.URL != "" {
		if r.Scheme != "" || r.Host != nil || r.Target != "" {
			return errors.New("expected url, or scheme, host and target, found both; remove one of them")
		}
		if err := r.splitURL(); err != nil {
			return err
		}
	}
	r.Scheme, r.Target = cmp.Or(r.Scheme, "http"), cmp.Or(r.Target, "/")
	if r.Remote != "" {
		if ip, err := netip.ParseAddr(r.Remote); err == nil {
			r.Remote = netip.AddrPortFrom(ip, 0).String()
		} else if _, err := netip.ParseAddrPort(r.Remote); err != nil {
			return fmt.Errorf("remote: expected the IP address of the client, with or without a port, found %q", r.Remote)
		}
	}
	for name := range r.Headers {
		if strings.EqualFold(name, "host") {
			return errors.New("expected the Host in url or host, found it in headers")
		}
	}
	return nil
}

// splitURL sets Scheme, Host and Target. The target stays as written.
func (r *Request) splitURL() error {
	address := r.URL
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%w, found %q", errRequest, r.URL)
	}
	switch u.Scheme {
	case "http", "https":
		r.Scheme = u.Scheme
	case "ws", "wss":
		r.Scheme, r.Websocket = "http"+strings.TrimPrefix(u.Scheme, "ws"), true
	default:
		return fmt.Errorf("%w, found %q", errRequest, r.URL)
	}
	_, rest, _ := strings.Cut(address, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		r.Target, _, _ = strings.Cut(rest[i:], "#")
		if !strings.HasPrefix(r.Target, "/") {
			r.Target = "/" + r.Target
		}
	}
	r.URL, r.Host = "", &u.Host
	return nil
}

// Of converts r as Host.Middleware converts a request. sessionKey is the key under
// which a session names its tenant. The error is that of Host.RequestOf.
func (r *Request) Of(ctx context.Context, h *edge.Host, sessionKey string) (edge.Request, error) {
	host := ""
	if r.Host != nil {
		host = *r.Host
	}
	if r.Direct {
		return edge.Request{
			Method: r.Method, Scheme: r.Scheme, Host: host, NoHost: r.Host == nil, Target: r.Target, Header: r.Headers.HTTP(),
			Trusted: r.Trusted, Websocket: r.Websocket, Session: string(r.Session[sessionKey]),
		}, nil
	}
	if _, ok := fields.Canonical(r.Headers.HTTP()); !ok {
		// No server passes such a request on.
		return edge.Request{}, &edge.RouteError{Outcome: abi.BadRequest, Status: http.StatusBadRequest, Reason: "a header field has an invalid name or value"}
	}
	// A server has received the request: absolute targets are refused.
	served := context.WithValue(ctx, http.ServerContextKey, &http.Server{})
	in := (&http.Request{
		Method: r.Method, RequestURI: r.Target, Host: host, Header: r.Headers.HTTP(), RemoteAddr: r.Remote,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(served)
	// The guest gets targets that net/http would refuse, too.
	in.URL, _ = url.ParseRequestURI(r.Target)
	q, err := h.RequestOf(ctx, in)
	if err != nil {
		return edge.Request{}, err
	}
	q.Scheme, q.NoHost = r.Scheme, r.Host == nil
	q.Trusted = q.Trusted || r.Trusted
	q.Websocket = q.Websocket || r.Websocket
	if r.Session != nil {
		q.Session, q.SessionError = string(r.Session[sessionKey]), nil
	}
	return q, nil
}

// SetSession sets what the session has under key: JSON.
func (r *Request) SetSession(key, value string) {
	r.Session = maps.Clone(r.Session)
	if r.Session == nil {
		r.Session = map[string]config.JSON{}
	}
	r.Session[key] = config.JSON(value)
}
