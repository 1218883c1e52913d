package serve

import (
	"context"
	"crypto/sha256"
	"reflect"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// ConfigurationReport is the state of the configuration.
type ConfigurationReport struct {
	// LoadedAt is when the configuration that serves was loaded.
	LoadedAt time.Time `json:"loaded_at"`
	Reloads  uint64    `json:"reloads"` // that have replaced the configuration
	// Refused is why the last reload was refused; the previous configuration serves.
	Refused string `json:"refused,omitempty"`
	// Restart are changed keys that have no effect before a restart.
	Restart []string `json:"restart,omitempty"`
	// Replaced is the number of replaced configurations that still have requests or
	// websockets.
	Replaced int `json:"replaced"`
}

// reloads is the state of the reloads of a Server.
type reloads struct {
	turn   chan struct{}   // holds a value while there is no reload, nor a start
	ending context.Context // ends when the shutdown begins
	end    context.CancelFunc

	// exchanging is held while a configuration is exchanged, and when ending ends: after
	// that nothing opens a listener any more.
	exchanging sync.Mutex

	mu       sync.Mutex
	loadedAt time.Time
	took     time.Duration // of the last one
	outcomes map[string]uint64
	refused  string
	restart  []string
}

func newReloads() *reloads {
	r := &reloads{turn: make(chan struct{}, 1), loadedAt: time.Now(), outcomes: map[string]uint64{auditDone: 0, auditUnchanged: 0, auditRefused: 0}}
	r.turn <- struct{}{}
	r.ending, r.end = context.WithCancel(context.Background())
	return r
}

// begin waits for its turn. Call done after it.
func (r *reloads) begin(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return errorf("the configuration is not reloaded: the start, or another reload, has not ended: %w", ctx.Err())
	}
}

func (r *reloads) done() { r.turn <- struct{}{} }

// stop refuses reloads from now on. One that is exchanging the configuration is awaited.
func (r *reloads) stop() {
	r.exchanging.Lock()
	defer r.exchanging.Unlock()
	r.end()
}

// exchange calls do, unless the shutdown has begun. It reports whether it did.
func (r *reloads) exchange(do func()) bool {
	r.exchanging.Lock()
	defer r.exchanging.Unlock()
	if r.ending.Err() != nil {
		return false
	}
	do()
	return true
}

// ended notes the end of a reload.
func (r *reloads) ended(outcome string, took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[outcome]++
	r.took, r.refused = took, ""
	if err != nil {
		r.refused = err.Error()
	} else if outcome == auditDone {
		r.loadedAt = time.Now()
	}
}

func (r *reloads) report(all []*generation) ConfigurationReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ConfigurationReport{
		LoadedAt: r.loadedAt, Reloads: r.outcomes[auditDone], Refused: r.refused, Restart: r.restart, Replaced: len(all) - 1,
	}
}

// warnOfRestart logs the keys that have changed since the start and need a restart.
func (s *Server) warnOfRestart() {
	var keys []string
	was, is := s.first.Logs, s.now().parts.file.Logs
	if was.Level != is.Level {
		keys = append(keys, "logs.level")
	}
	if was.Format != is.Format {
		keys = append(keys, "logs.format")
	}
	if !reflect.DeepEqual(fleetOf(s.first), fleetOf(s.now().parts.file)) {
		keys = append(keys, "fleet")
	}
	if s.first.Usage != s.now().parts.file.Usage {
		keys = append(keys, "usage")
	}
	for _, key := range keys {
		s.log.Warn("a setting has changed that has no effect before a restart", "key", key)
	}
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	s.reloads.restart = keys
}

// fleetOf returns the section fleet with its database, which may be the directory's, and
// its registries; nil: there is none.
func fleetOf(f *config.File) *config.Fleet {
	if f.Fleet == nil {
		return nil
	}
	c := *f.Fleet
	if c.Database.IsZero() {
		c.Database = f.Directory.Database
	}
	c.Registries = f.GuestPlaces()
	return &c
}

// digestOf returns a digest of the certificates, secrets and error pages that a file
// refers to.
func digestOf(f *config.File) [sha256.Size]byte {
	h := sha256.New()
	for _, path := range f.References() {
		content, _, err := file.ReadRegular(path, 0)
		sum := sha256.Sum256(content)
		if err != nil {
			sum = [sha256.Size]byte{}
		}
		h.Write(sum[:]) // never fails
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// reloadCollector exports the state of reloads.
type reloadCollector struct{ server *Server }

var (
	reloadsDesc = prometheus.NewDesc("tenantedge_config_reloads_total",
		"Reloads of the configuration by outcome: done, unchanged, or refused.", []string{"outcome"}, nil)
	configRefusedDesc = prometheus.NewDesc("tenantedge_config_refused",
		"1 while the last reload of the configuration was refused and the previous configuration serves.", nil, nil)
	configLoadedDesc = prometheus.NewDesc("tenantedge_config_loaded_timestamp_seconds",
		"When the configuration that serves was loaded.", nil, nil)
	reloadTookDesc = prometheus.NewDesc("tenantedge_config_reload_seconds",
		"Duration of the last reload.", nil, nil)
	configReplacedDesc = prometheus.NewDesc("tenantedge_config_replaced",
		"Replaced configurations that still have requests or websockets.", nil, nil)
)

func (c *reloadCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{reloadsDesc, configRefusedDesc, configLoadedDesc, reloadTookDesc, configReplacedDesc} {
		to <- d
	}
}

func (c *reloadCollector) Collect(to chan<- prometheus.Metric) {
	r := c.server.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	for outcome, n := range r.outcomes {
		to <- prometheus.MustNewConstMetric(reloadsDesc, prometheus.CounterValue, float64(n), outcome)
	}
	refused := 0.0
	if r.refused != "" {
		refused = 1
	}
	gauge := func(d *prometheus.Desc, v float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(configRefusedDesc, refused)
	gauge(configLoadedDesc, float64(r.loadedAt.UnixNano())/1e9)
	gauge(reloadTookDesc, r.took.Seconds())
	gauge(configReplacedDesc, float64(len(c.server.generations.all())-1))
}

var _ prometheus.Collector = (*reloadCollector)(nil)
