package serve

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
)

// usageCollector exports what the tenants with the most requests use. It has no series
// for each tenant, since there may be any number.
type usageCollector struct{ accounts *accounting.Ledger }

// otherTenants is the label of all tenants without series of their own, with the
// requests without a tenant. No schema has parentheses.
const otherTenants = "(other)"

var (
	tenantLabel        = []string{"tenant"}
	tenantRequestsDesc = prometheus.NewDesc("tenantedge_tenant_requests_total",
		"Requests of the tenants with the most requests, by outcome. All others are those of the tenant \""+otherTenants+"\".", []string{"tenant", "outcome"}, nil)
	tenantFuelDesc = prometheus.NewDesc("tenantedge_tenant_guest_fuel_total",
		"Units of fuel that the guest used for the tenant.", tenantLabel, nil)
	tenantGuestDesc = prometheus.NewDesc("tenantedge_tenant_guest_seconds_total",
		"Time of the guest's calls for the tenant.", tenantLabel, nil)
	tenantBytesDesc = prometheus.NewDesc("tenantedge_tenant_body_bytes_total",
		"Bytes of the bodies of requests (in) and answers (out), and of the messages of websockets.", []string{"tenant", "direction"}, nil)
	tenantUpstreamDesc = prometheus.NewDesc("tenantedge_tenant_upstream_seconds_total",
		"Time until the heads of the answers of the tenant's applications.", tenantLabel, nil)
	tenantWebsocketDesc = prometheus.NewDesc("tenantedge_tenant_websocket_seconds_total",
		"Time for which websockets of the tenant were open.", tenantLabel, nil)
	activeTenantsDesc = prometheus.NewDesc("tenantedge_tenants_active",
		"Tenants that have used something in the last minutes.", nil, nil)
	usageFailuresDesc = prometheus.NewDesc("tenantedge_usage_failures_total",
		"Windows of what tenants use that could not be written to the folder when they ended.", nil, nil)
)

func (c usageCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tenantRequestsDesc, tenantFuelDesc, tenantGuestDesc, tenantBytesDesc, tenantUpstreamDesc, tenantWebsocketDesc, activeTenantsDesc, usageFailuresDesc} {
		to <- d
	}
}

func (c usageCollector) Collect(to chan<- prometheus.Metric) {
	u := c.accounts.Tracked()
	series := map[string]*accounting.Usage{otherTenants: &u.Other}
	for schema, usage := range u.Tenants {
		// Labels must be UTF-8. Two names that differ only in what is not are one.
		name := strings.ToValidUTF8(schema, "\uFFFD")
		if series[name] == nil {
			series[name] = new(accounting.Usage)
		}
		series[name].Add(usage)
	}
	for name, usage := range series {
		collectUsage(to, name, usage)
	}
	to <- prometheus.MustNewConstMetric(activeTenantsDesc, prometheus.GaugeValue, float64(u.Accounts))
	to <- prometheus.MustNewConstMetric(usageFailuresDesc, prometheus.CounterValue, float64(c.accounts.Failures()))
}

func collectUsage(to chan<- prometheus.Metric, tenant string, u *accounting.Usage) {
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, append([]string{tenant}, labels...)...)
	}
	for _, one := range []struct {
		outcome string
		n       uint64
	}{{"ok", u.OK}, {"redirect", u.Redirect}, {"client_error", u.ClientError}, {"server_error", u.ServerError}, {"aborted", u.Aborted}, {"websocket", u.Websocket}} {
		counter(tenantRequestsDesc, float64(one.n), one.outcome)
	}
	counter(tenantFuelDesc, float64(u.Fuel))
	counter(tenantGuestDesc, float64(u.GuestTime)/1e9)
	counter(tenantBytesDesc, float64(u.BytesIn+u.WebsocketIn), "in")
	counter(tenantBytesDesc, float64(u.BytesOut+u.WebsocketOut), "out")
	counter(tenantUpstreamDesc, float64(u.UpstreamTime)/1e9)
	counter(tenantWebsocketDesc, float64(u.WebsocketTime)/1e9)
}

var _ prometheus.Collector = usageCollector{}
