package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
)

// Websockets collects the figures of a Host's websockets, and of its channel
// layer; the function is a Host's WebsocketStats. While none are served it
// collects nothing.
func Websockets(stats func() edge.WebsocketStats) prometheus.Collector {
	return websocketCollector{stats}
}

var (
	sockets      = gauge("websockets", "Open connections, by how they are held: epoll, without a goroutine, or goroutine. Those to upstreams are among them.", "held")
	upstreams    = gauge("websocket_upstreams", "Open connections that lead to upstreams: one for each websocket that is relayed.")
	socketOwners = gauge("websocket_tenants", "Tenants with open websockets.")
	workers      = gauge("websocket_workers", "Goroutines that run events of websockets.")
	handshakes   = counter("websocket_handshakes_total", "Handshakes, by whether they were accepted or refused.", "result")
	messages     = counter("websocket_messages_total", "Messages, received from clients and sent to them.", "direction")
	ends         = counter("websocket_ended_total", "Websockets that ended, by code; other: outside of 1000 to 1015.", "code")
	cut          = counter("websocket_cut_total", "Websockets that the edge closed, by reason.", "reason")
	panics       = counter("websocket_panics_total", "Panics of handlers in Go.")
	inflated     = gauge("websocket_inflated_bytes", "Bytes of inflated messages that are being handled.")
	consumers    = gauge("websocket_consumers", "Open websockets that the guest handles.")

	channels    = gauge("channels", "Open channels of this process.")
	memberships = gauge("channel_memberships", "Memberships of channels in groups.")
	broken      = gauge("channel_layers_broken", "Tenants whose connection to the channel layer does not work, or whose last message could not be sent.")
	traffic     = counter("channel_messages_total", "Messages of the channel layer: sent, received by this process, and delivered to a receiver.", "what")
	losses      = counter("channel_lost_total", "Messages that were lost or dropped, by reason.", "reason")
	breaks      = counter("channel_breaks_total", "Times that the channel layer broke.")
	resumes     = counter("channel_resumes_total", "Times that the channel layer was whole again.")

	websocketFigures = []figure{sockets, upstreams, socketOwners, workers, handshakes, messages, ends, cut, panics, inflated, consumers,
		channels, memberships, broken, traffic, losses, breaks, resumes}
)

type websocketCollector struct{ stats func() edge.WebsocketStats }

func (c websocketCollector) Describe(to chan<- *prometheus.Desc) { describe(to, websocketFigures) }

func (c websocketCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	if !s.Served {
		return
	}
	sockets.is(to, float64(s.Polled), "epoll")
	sockets.is(to, float64(s.Goroutines), "goroutine")
	upstreams.is(to, float64(s.Upstreams))
	socketOwners.is(to, float64(s.Tenants))
	workers.is(to, float64(s.Workers))
	handshakes.is(to, float64(s.Accepted), "accepted")
	handshakes.is(to, float64(s.Refused), "refused")
	messages.is(to, float64(s.Received), "received")
	messages.is(to, float64(s.Sent), "sent")
	for code, n := range s.Closed {
		name := strconv.Itoa(code)
		if code == 0 {
			name = "other"
		}
		ends.is(to, float64(n), name)
	}
	each(to, cut, map[string]uint64{
		"slow_reader": s.Slow, "message_rate": s.Limited, "inflated": s.Overinflated, "timeout": s.Timeouts, "tenant_removed": s.Removed,
		"layer_broken": s.Interrupted + s.Consumers.Interrupted, "guest_failed": s.Consumers.Failures, "guest_without_consumer": s.Consumers.Restarted,
	})
	panics.is(to, float64(s.Panics))
	inflated.is(to, float64(s.Inflated))
	consumers.is(to, float64(s.Consumers.Open))

	l := &s.Channels
	channels.is(to, float64(l.Channels))
	memberships.is(to, float64(l.Memberships))
	broken.is(to, float64(l.Broken))
	each(to, traffic, map[string]uint64{"sent": l.Sent, "received": l.Received, "delivered": l.Delivered})
	each(to, losses, map[string]uint64{
		"receiver_full": l.Full, "over_capacity": l.OverCapacity, "channel_gone": l.Unknown, "other_tenant": l.Foreign,
		"malformed": l.Malformed, "too_large": l.TooLarge, "unsent": l.Unsent,
	})
	breaks.is(to, float64(l.Breaks))
	resumes.is(to, float64(l.Resumes))
}

// each gives a figure a value for each value of its label.
func each(to chan<- prometheus.Metric, f figure, values map[string]uint64) {
	for label, n := range values {
		f.is(to, float64(n), label)
	}
}
