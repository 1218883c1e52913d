package accounting

import "math/bits"

// Usage is what a tenant has used. All fields are sums, so the usages of windows and of
// edges can be added.
type Usage struct {
	// Requests by outcome.
	OK          uint64 `json:"requests_ok,omitempty"` // status 2xx
	Redirect    uint64 `json:"requests_redirect,omitempty"`
	ClientError uint64 `json:"requests_client_error,omitempty"` // status 4xx
	ServerError uint64 `json:"requests_server_error,omitempty"` // status 5xx
	Aborted     uint64 `json:"requests_aborted,omitempty"`      // the client or the application broke off
	Websocket   uint64 `json:"requests_websocket,omitempty"`    // handshakes that were accepted

	GuestCalls uint64 `json:"guest_calls,omitempty"`
	Fuel       uint64 `json:"fuel,omitempty"`
	GuestTime  uint64 `json:"guest_ns,omitempty"`
	HostCalls  uint64 `json:"host_calls,omitempty"`

	BytesIn  uint64 `json:"bytes_in,omitempty"`  // of requests' bodies
	BytesOut uint64 `json:"bytes_out,omitempty"` // of answers' bodies
	// UpstreamTime is the time until the heads of the applications' answers.
	UpstreamTime uint64 `json:"upstream_ns,omitempty"`

	WebsocketIn   uint64 `json:"websocket_bytes_in,omitempty"` // payload of clients' messages
	WebsocketOut  uint64 `json:"websocket_bytes_out,omitempty"`
	WebsocketTime uint64 `json:"websocket_ns,omitempty"` // how long websockets were open
}

// Columns are the names of the figures of a Usage, in order.
var Columns = [...]string{
	"requests_ok", "requests_redirect", "requests_client_error", "requests_server_error", "requests_aborted", "requests_websocket",
	"guest_calls", "fuel", "guest_ns", "host_calls", "bytes_in", "bytes_out", "upstream_ns",
	"websocket_bytes_in", "websocket_bytes_out", "websocket_ns",
}

// Indexes of columns.
const (
	ok = iota
	redirect
	clientError
	serverError
	aborted
	websocket
	guestCalls
	fuel
	guestTime
	hostCalls
	bytesIn
	bytesOut
	upstreamTime
	websocketIn
	websocketOut
	websocketTime
)

// Figures returns the figures in the order of Columns.
func (u *Usage) Figures() [len(Columns)]*uint64 {
	return [...]*uint64{
		&u.OK, &u.Redirect, &u.ClientError, &u.ServerError, &u.Aborted, &u.Websocket,
		&u.GuestCalls, &u.Fuel, &u.GuestTime, &u.HostCalls, &u.BytesIn, &u.BytesOut, &u.UpstreamTime,
		&u.WebsocketIn, &u.WebsocketOut, &u.WebsocketTime,
	}
}

// Requests returns the number of all requests.
func (u *Usage) Requests() uint64 {
	return u.OK + u.Redirect + u.ClientError + u.ServerError + u.Aborted + u.Websocket
}

// Add adds another usage. A figure that would overflow stays at its maximum.
func (u *Usage) Add(o *Usage) {
	from := o.Figures()
	for n, to := range u.Figures() {
		sum, carry := bits.Add64(*to, *from[n], 0)
		*to = sum | -carry
	}
}

// minus returns u without o, which it contains.
func (u Usage) minus(o *Usage) Usage {
	from := o.Figures()
	for n, to := range u.Figures() {
		*to -= *from[n]
	}
	return u
}
