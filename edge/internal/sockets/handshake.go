package sockets

import (
	"bufio"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/gobwas/ws"

	"github.com/tenantedge/tenantedge/edge/internal/header"
)

// Rejection is the error of a handshake that got another HTTP status than 101.
type Rejection struct {
	Status int
	Reason string
}

func (r *Rejection) Error() string { return "sockets: handshake rejected: " + r.Reason }

// Check checks a request against RFC 6455, section 4.2.1, and the options. It
// returns nil for a valid one. It is stricter than the RFC in one point: Upgrade
// must name only websocket, since a server after this one may choose another
// protocol of a list.
func (o *Options) Check(r *http.Request) *Rejection {
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return &Rejection{http.StatusUpgradeRequired, "expected a handshake over HTTP/1.1, found " + r.Proto}
	case !namesWebsocket(r.Header["Upgrade"]) || !header.HasToken(r.Header["Connection"], "upgrade"):
		return &Rejection{http.StatusUpgradeRequired, "expected a websocket handshake"}
	case len(r.Header["Upgrade"]) != 1 || !strings.EqualFold(r.Header["Upgrade"][0], "websocket"):
		return &Rejection{http.StatusBadRequest, "expected only websocket in Upgrade"}
	case r.Method != http.MethodGet:
		return &Rejection{http.StatusMethodNotAllowed, "expected GET, found " + r.Method}
	case !slices.Equal(r.Header["Sec-Websocket-Version"], []string{"13"}):
		return &Rejection{http.StatusUpgradeRequired, "expected Sec-WebSocket-Version 13"}
	case !validKey(r.Header["Sec-Websocket-Key"]):
		return &Rejection{http.StatusBadRequest, "expected a Sec-WebSocket-Key of 16 bytes in base64"}
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		// This server would read a body as frames, and a proxy before it would not.
		return &Rejection{http.StatusBadRequest, "expected a handshake without a body"}
	case !validLists(r.Header):
		return &Rejection{http.StatusBadRequest, "expected lists in Sec-WebSocket-Protocol and Sec-WebSocket-Extensions"}
	}
	return o.CheckOrigin(r)
}

// CheckOrigin checks that the Origin is allowed, so that pages of other sites
// cannot open websockets with the cookies of this site's users. It returns nil for
// an allowed one.
func (o *Options) CheckOrigin(r *http.Request) *Rejection {
	rejection := &Rejection{http.StatusForbidden, "origin is not allowed"}
	values := r.Header["Origin"]
	if len(values) == 0 {
		if o.AllowNoOrigin && !isBrowser(r) {
			return nil
		}
		return rejection
	}
	allow := o.AllowOrigin
	if allow == nil {
		allow = func(origin Origin) bool { return origin.At(r.Host) }
	}
	if origin, ok := ParseOrigin(values[0]); !ok || len(values) > 1 || !allow(origin) {
		return rejection
	}
	return nil
}

// isBrowser reports whether the request has headers of a browser that pages cannot
// remove.
func isBrowser(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/")
}

// IsUpgrade reports whether a request of HTTP version major.minor is for a websocket,
// even if the handshake is not valid. HTTP/1.0 has no upgrades, and Upgrade without
// the token in Connection has no effect (RFC 9110, 7.8).
func IsUpgrade(major, minor int, h http.Header) bool {
	return major == 1 && minor >= 1 && namesWebsocket(h["Upgrade"]) && header.HasToken(h["Connection"], "upgrade")
}

// namesWebsocket reports whether Upgrade names websocket, of any version.
func namesWebsocket(values []string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if name, _, _ := strings.Cut(part, "/"); strings.EqualFold(strings.TrimSpace(name), "websocket") {
				return true
			}
		}
	}
	return false
}

func validKey(values []string) bool {
	if len(values) != 1 {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(values[0])
	return err == nil && len(key) == 16
}

// validLists reports whether the offered subprotocols and extensions are valid
// lists. A malformed list fails the handshake (RFC 6455, 9.1).
func validLists(header http.Header) bool {
	_, protocols := parseTokens(header["Sec-Websocket-Protocol"])
	_, extensions := parseExtensions(header["Sec-Websocket-Extensions"])
	return protocols && extensions
}

// reject writes the response to a rejected handshake.
func (h *Hub) reject(w http.ResponseWriter, o Options, rejection *Rejection) error {
	h.counters.rejected.Add(1)
	rejection.SetHeader(w.Header())
	if o.OnReject != nil {
		o.OnReject(w, rejection)
	} else {
		http.Error(w, rejection.Reason, rejection.Status)
	}
	return rejection
}

// SetHeader sets the headers for the rejection's status.
func (r *Rejection) SetHeader(header http.Header) {
	switch r.Status {
	case http.StatusUpgradeRequired:
		header.Set("Sec-WebSocket-Version", "13")
		header.Set("Upgrade", "websocket")
		header.Set("Connection", "Upgrade")
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodGet)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "5")
	}
}

// Accept accepts or rejects a handshake. After it returns nil, the connection is
// open and Handler.Open has returned. For a rejected handshake the error is a
// *Rejection, and the response has been written. Other errors mean that the
// connection is lost.
func (h *Hub) Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	s, err := h.Admit(w, r, o)
	if err != nil {
		return nil, err
	}
	return s.Accept(o.Handler, o.Protocols, o.Header)
}

// upgrade responds with 101 and the chosen subprotocol and extension, and takes
// over the connection from net/http.
func (s *Handshake) upgrade(header http.Header, protocol, extension string) (net.Conn, error) {
	header = maps.Clone(header)
	if header == nil {
		header = http.Header{}
	}
	for name, value := range map[string]string{"Sec-Websocket-Protocol": protocol, "Sec-Websocket-Extensions": extension} {
		if delete(header, name); value != "" {
			header[name] = []string{value}
		}
	}
	upgrader := ws.HTTPUpgrader{Header: header, Timeout: s.hub.config.HandshakeTimeout}
	// gobwas/ws looks only at the first line of Connection.
	r := *s.r
	r.Header = maps.Clone(r.Header)
	r.Header["Connection"] = []string{"Upgrade"}
	conn, buffered, _, err := upgrader.Upgrade(&r, s.w)
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		s.Reject()
		return nil, err
	}
	if protocol != "" {
		s.conn.mu.Lock()
		s.conn.ensureExtra().protocol = strings.Clone(protocol) // protocol is a part of the request's header
		s.conn.mu.Unlock()
	}
	s.conn.keepEarly(buffered.Reader)
	s.hub.counters.accepted.Add(1)
	return conn, nil
}

// keepEarly keeps the bytes that were read together with the handshake.
func (c *Conn) keepEarly(r *bufio.Reader) {
	if n := r.Buffered(); n > 0 {
		c.parser = parsers.Get().(*parser)
		c.parser.early = make([]byte, n)
		r.Read(c.parser.early) // from the buffer only
	}
}
