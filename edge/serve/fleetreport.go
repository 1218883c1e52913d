package serve

import "github.com/prometheus/client_golang/prometheus"

// FleetReport is the state of the edge as a node of its fleet.
type FleetReport struct {
	Name    string `json:"name"`
	Node    string `json:"node"`
	Rollout int64  `json:"rollout"`          // the newest one that was carried out
	Failed  int64  `json:"failed,omitempty"` // the one that cannot be carried out; 0: none
	Error   string `json:"error,omitempty"`  // why
	// Degraded is why rollouts are not seen; empty: they are.
	Degraded string `json:"degraded,omitempty"`
}

// readiness returns the state of the node; nil: there is no fleet. An edge that cannot
// carry out a rollout, or cannot read them, is ready: the guest before serves.
func (n *fleetNode) readiness() *FleetReport {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return &FleetReport{Name: n.store.Fleet(), Node: n.name, Rollout: n.done, Failed: n.failed, Error: n.problem, Degraded: n.lost}
}

// metrics returns the metrics of the node.
func (n *fleetNode) metrics() []prometheus.Collector {
	gauge := func(name, help string, value func(*FleetReport) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(n.readiness()) })
	}
	one := func(holds bool) float64 {
		if holds {
			return 1
		}
		return 0
	}
	return []prometheus.Collector{
		gauge("tenantedge_fleet_rollout", "Number of the newest rollout of the fleet that the edge has carried out.", func(r *FleetReport) float64 { return float64(r.Rollout) }),
		gauge("tenantedge_fleet_failed", "1 while the edge cannot carry out the newest rollout of the fleet; the guest before serves.", func(r *FleetReport) float64 { return one(r.Error != "") }),
		gauge("tenantedge_fleet_unreachable", "1 while the edge cannot read the rollouts of the fleet.", func(r *FleetReport) float64 { return one(r.Degraded != "") }),
	}
}
