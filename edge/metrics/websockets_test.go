package metrics_test

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

func TestWebsocketsHaveMetricsIfTheyAreServed(t *testing.T) {
	none := scrape(t, metrics.New(metrics.Sources{Websockets: func() websocket.Stats { return websocket.Stats{} }}))
	if strings.TrimSpace(none) != "" {
		t.Errorf("without websockets, the page contains\n%s", none)
	}
	expectLines(t, "\n"+scrape(t, metrics.New(metrics.Sources{Websockets: func() websocket.Stats {
		return websocket.Stats{
			Served: true, Polled: 3, Goroutines: 2, Upstreams: 1, Accepted: 7, Rejected: 4, Received: 9, Interrupted: 1,
			Closed: map[int]uint64{1000: 5, 0: 2}, Consumers: stats.Consumers{Open: 2, Interrupted: 2},
			Channels: channel.Stats{Channels: 3, Foreign: 1, Breaks: 2},
		}
	}})), `tenantedge_websockets{mode="epoll"} 3`, `tenantedge_websockets{mode="goroutine"} 2`, "tenantedge_websocket_upstreams 1",
		`tenantedge_websocket_handshakes_total{result="rejected"} 4`, `tenantedge_websocket_messages_total{direction="received"} 9`,
		`tenantedge_websocket_ended_total{code="1000"} 5`, `tenantedge_websocket_ended_total{code="other"} 2`,
		`tenantedge_websocket_dropped_total{reason="layer_broken"} 3`, `tenantedge_websocket_dropped_total{reason="slow_reader"} 0`,
		"tenantedge_websocket_consumers 2", "tenantedge_channels 3", `tenantedge_channel_lost_total{reason="other_tenant"} 1`,
		"tenantedge_channel_layer_failures_total 2")
}
