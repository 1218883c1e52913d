package edge

import (
	"net"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// location returns the Location header of a redirect to a registered domain. Domain
// rows usually have no port, so the redirect keeps that of the request, as clients on
// another port than 80 or 443 need it. A client may send any port in its Host, and a
// cache may store the redirect for others: only the port of the listener is kept,
// and only for a client that is connected to it without a proxy. Strict rules
// drop the port, as the reference does.
func (h *Host) location(r *http.Request, q *Request, location string) string {
	rest, ok := strings.CutPrefix(location, "//")
	if !ok || q.TrustedPeer || h.config.GuestConfig.Compat == abi.Strict {
		return location
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return location
	}
	_, port, err := net.SplitHostPort(r.Host)
	if _, own, _ := net.SplitHostPort(local.String()); err != nil || port != own {
		return location
	}
	domain, path := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		domain, path = rest[:end], rest[end:]
	}
	if _, _, err := net.SplitHostPort(domain); err == nil {
		return location // the row has a port
	}
	return "//" + domain + ":" + port + path
}
