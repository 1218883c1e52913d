package edge

import (
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// isWebsocket reports whether a request asks for a websocket, well or badly: a
// request that names the protocol in any form is routed, checked and refused as
// a handshake.
func isWebsocket(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 && sockets.IsUpgrade(r)
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// upgrades reports whether header holds anything of an upgrade.
func upgrades(header http.Header) bool {
	return len(header["Upgrade"]) > 0 || len(header["Http2-Settings"]) > 0 || hasToken(header["Connection"], "upgrade")
}

// withoutUpgrade removes the upgrade and its Connection tokens from header.
func withoutUpgrade(header http.Header) {
	delete(header, "Upgrade")
	delete(header, "Http2-Settings")
	var kept []string
	for _, v := range header["Connection"] {
		for part := range strings.SplitSeq(v, ",") {
			part = strings.Trim(part, " \t")
			if part != "" && !strings.EqualFold(part, "upgrade") && !strings.EqualFold(part, "http2-settings") {
				kept = append(kept, part)
			}
		}
	}
	if delete(header, "Connection"); kept != nil {
		header["Connection"] = []string{strings.Join(kept, ", ")}
	}
}
