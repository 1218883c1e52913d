package http1

import (
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/header"
)

// hopByHop are the fields for the next hop only (RFC 9110, 7.6.1), and those that
// frame a message.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length",
}

// CleanHead removes the fields of an answer's head that must not reach clients.
func CleanHead(h http.Header) {
	for name := range header.Tokens(h["Connection"]) {
		h.Del(name)
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
	CleanFileOrders(h)
	CleanAccel(h)
}

// CleanAccel removes the fields by which an application controls nginx.
func CleanAccel(h http.Header) {
	const prefix = "x-accel-"
	for name := range h {
		if len(name) >= len(prefix) && header.EqualFold(name[:len(prefix)], prefix) {
			delete(h, name)
		}
	}
}

// fileOrders are the fields by which an application makes the server in front of
// it send any file that the server can read: nginx, Apache, lighttpd, Perlbal, h2o.
var fileOrders = []string{"x-accel-redirect", "x-sendfile", "x-sendfile2", "x-lighttpd-send-file", "x-reproxy-url", "x-reproxy-file"}

// CleanFileOrders removes the fields that order a file to be sent.
func CleanFileOrders(h http.Header) {
	for name := range h {
		if name != "" && name[0]|0x20 == 'x' && slices.ContainsFunc(fileOrders, func(order string) bool { return header.EqualFold(name, order) }) {
			delete(h, name)
		}
	}
}

// headOnly are fields that frame, route or describe a message, or set state: a
// trailer must not have them (RFC 9110, 6.5.1).
var headOnly = []string{
	"Age", "Authorization", "Cache-Control", "Content-Encoding", "Content-Range", "Content-Type", "Date", "Expires", "Host", "Location",
	"Retry-After", "Set-Cookie", "Vary", "Www-Authenticate",
}

// CleanTrailer removes the fields of a trailer that must not reach clients.
func CleanTrailer(trailer http.Header) {
	if len(trailer) == 0 {
		return
	}
	CleanHead(trailer)
	for _, name := range headOnly {
		delete(trailer, name)
	}
}
