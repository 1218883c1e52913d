package trust

import (
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// IsWebsocket reports whether a request asks for an upgrade to websocket, in a valid
// handshake or not: an invalid one is routed, checked and refused as a handshake.
func (q *Request) IsWebsocket() bool {
	return len(q.Header["Upgrade"]) > 0 && sockets.IsUpgrade(q.ProtoMajor, q.ProtoMinor, q.Header)
}

// upgrades reports whether h has any field or token of an upgrade.
func upgrades(h http.Header) bool {
	return len(h["Upgrade"]) > 0 || len(h["Http2-Settings"]) > 0 || header.HasToken(h["Connection"], "upgrade")
}

// withoutUpgrade removes an upgrade and its Connection tokens from h.
func withoutUpgrade(h http.Header) {
	delete(h, "Upgrade")
	delete(h, "Http2-Settings")
	var kept []string
	for token := range header.Tokens(h["Connection"]) {
		if !strings.EqualFold(token, "upgrade") && !strings.EqualFold(token, "http2-settings") {
			kept = append(kept, token)
		}
	}
	if delete(h, "Connection"); kept != nil {
		h["Connection"] = []string{strings.Join(kept, ", ")}
	}
}
