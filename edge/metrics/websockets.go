package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

var (
	sockets      = gauge("websockets", "Open connections, including those to upstreams, by mode: epoll, without a goroutine for each, or goroutine, with one.", "mode")
	upstreams    = gauge("websocket_upstreams", "Open connections to upstreams: one for each relayed websocket.")
	socketOwners = gauge("websocket_tenants", "Tenants with open websockets.")
	workers      = gauge("websocket_workers", "Goroutines that handle websocket events.")
	handshakes   = counter("websocket_handshakes_total", "Handshakes, by result: accepted or rejected.", "result")
	messages     = counter("websocket_messages_total", "Messages received from clients and sent to them.", "direction")
	closed       = counter("websocket_ended_total", "Closed websockets, by close code; other: outside 1000 to 1015.", "code")
	dropped      = counter("websocket_dropped_total", "Websockets that the edge closed, by reason.", "reason")
	panics       = counter("websocket_panics_total", "Panics of Go handlers.")
	inflated     = gauge("websocket_inflated_bytes", "Bytes of decompressed messages being handled.")
	consumers    = gauge("websocket_consumers", "Open websockets handled by the guest.")

	channels    = gauge("channels", "Open channels of this process.")
	memberships = gauge("channel_memberships", "Group memberships of channels.")
	broken      = gauge("channel_layers_broken", "Tenants whose connection to the channel layer is down, or whose last message could not be sent.")
	traffic     = counter("channel_messages_total", "Messages of the channel layer, by event: sent, received by this process, or delivered to a receiver.", "event")
	losses      = counter("channel_lost_total", "Lost or dropped messages, by reason.", "reason")
	failures    = counter("channel_layer_failures_total", "Failures of the channel layer.")
	recoveries  = counter("channel_layer_recoveries_total", "Recoveries of the channel layer.")

	websocketMetrics = []metric{sockets, upstreams, socketOwners, workers, handshakes, messages, closed, dropped, panics, inflated, consumers,
		channels, memberships, broken, traffic, losses, failures, recoveries}
)

func collectWebsockets(to chan<- prometheus.Metric, s websocket.Stats) {
	if !s.Served {
		return
	}
	sockets.send(to, float64(s.Polled), "epoll")
	sockets.send(to, float64(s.Goroutines), "goroutine")
	upstreams.send(to, float64(s.Upstreams))
	socketOwners.send(to, float64(s.Tenants))
	workers.send(to, float64(s.Workers))
	handshakes.send(to, float64(s.Accepted), "accepted")
	handshakes.send(to, float64(s.Rejected), "rejected")
	messages.send(to, float64(s.Received), "received")
	messages.send(to, float64(s.Sent), "sent")
	for code, n := range s.Closed {
		name := strconv.Itoa(code)
		if code == 0 {
			name = "other"
		}
		closed.send(to, float64(n), name)
	}
	dropped.sendEach(to, map[string]uint64{
		"slow_reader": s.Slow, "message_rate": s.Limited, "inflated": s.Overinflated, "timeout": s.Timeouts, "tenant_removed": s.Removed, "tenant_moved": s.Moved,
		"layer_broken": s.Interrupted + s.Consumers.Interrupted, "guest_failed": s.Consumers.Failures, "guest_without_consumer": s.Consumers.Restarted,
	})
	panics.send(to, float64(s.Panics))
	inflated.send(to, float64(s.Inflated))
	consumers.send(to, float64(s.Consumers.Open))
	collectChannels(to, &s.Channels)
}

func collectChannels(to chan<- prometheus.Metric, s *channel.Stats) {
	channels.send(to, float64(s.Channels))
	memberships.send(to, float64(s.Memberships))
	broken.send(to, float64(s.Broken))
	traffic.sendEach(to, map[string]uint64{"sent": s.Sent, "received": s.Received, "delivered": s.Delivered})
	losses.sendEach(to, map[string]uint64{
		"receiver_full": s.Full, "over_capacity": s.OverCapacity, "channel_closed": s.Unknown, "other_tenant": s.Foreign,
		"malformed": s.Malformed, "too_large": s.TooLarge, "unsent": s.Unsent,
	})
	failures.send(to, float64(s.Breaks))
	recoveries.send(to, float64(s.Resumes))
}
