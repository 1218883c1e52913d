package upstream

import (
	"net/http"
	"slices"
	"strings"
)

// hopByHop are the headers for the next hop alone (RFC 9110, 7.6.1), and those
// that frame a message.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length",
}

// CleanHead removes from the head of an answer what is not for clients.
func CleanHead(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(header, name)
	}
	CleanOrders(header)
	for name := range header {
		if strings.HasPrefix(fold(name), "x-accel-") {
			delete(header, name)
		}
	}
}

// orders have a server in front of the application send any file that it can
// read: nginx, Apache, lighttpd, Perlbal and h2o.
var orders = []string{"x-accel-redirect", "x-sendfile", "x-sendfile2", "x-lighttpd-send-file", "x-reproxy-url", "x-reproxy-file"}

// CleanOrders removes the headers that order a file to be sent.
func CleanOrders(header http.Header) {
	for name := range header {
		if name != "" && name[0]|0x20 == 'x' && slices.Contains(orders, fold(name)) {
			delete(header, name)
		}
	}
}

// fold returns a name as servers compare it that take `_` for `-`.
func fold(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// inHeadsOnly are fields that frame, route or describe a message, or set state:
// a trailer must not have them (RFC 9110, 6.5.1).
var inHeadsOnly = []string{
	"Age", "Authorization", "Cache-Control", "Content-Encoding", "Content-Range", "Content-Type", "Date", "Expires", "Host", "Location",
	"Retry-After", "Set-Cookie", "Vary", "Www-Authenticate",
}

// CleanTrailer removes from a trailer what is not for clients.
func CleanTrailer(trailer http.Header) {
	if len(trailer) == 0 {
		return
	}
	CleanHead(trailer)
	for _, name := range inHeadsOnly {
		delete(trailer, name)
	}
}
