package config

import "time"

// Usage configures how the use of tenants is counted.
type Usage struct {
	Enabled        bool          `key:"enabled"`
	Window         time.Duration `key:"window,min=1"`
	Folder         string        `key:"folder,path"` // files of closed windows; empty: none
	MaxBytes       int64         `key:"max_bytes,bytes"`
	MaxFiles       int           `key:"max_files,min=1"`
	Memory         int64         `key:"memory,bytes"` // of closed windows
	MetricsTenants int           `key:"metrics_tenants"`
}

// defaultUsage has the defaults.
func defaultUsage() Usage {
	return Usage{Enabled: true, Window: time.Minute, MaxBytes: 64 << 20, MaxFiles: 16, Memory: 64 << 20, MetricsTenants: 10}
}

func (u *Usage) decode(v value) {
	*u = defaultUsage()
	found := v.object(u)
	if at, ok := found["window"]; ok && u.Window > 0 && u.Window < time.Second {
		at.fail("expected at least 1s, found %s; a window is one report", at.n.found())
	}
}
