package metrics_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func Example() {
	directory := tenantdb.NewDirectory(tenantdb.Options{})
	host, err := edge.New(context.Background(), edge.Config{Directory: directory})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(metrics.Sources{Host: host.Stats, Websockets: host.WebsocketStats, Directory: directory.Stats}))
}
