package edge

import (
	"cmp"

	"github.com/tenantedge/tenantedge/edge/internal/record"
)

// Recording keeps a sample of the requests in log files, with all that the guest's
// decisions on them depended on, so that `tenantedge guest replay` can ask another guest
// what it would have decided. Bodies are not recorded, and of the headers only those
// that the guest gets. Zero fields have their defaults. FORMAT.md of edge/internal/record
// describes the files.
type Recording struct {
	// Folder is where the files are; New creates it. Only a Host that replaces another may
	// have the same, while the other ends.
	Folder   string
	Rate     float64 // share of the requests that is recorded; default 0.01
	MaxBytes int64   // size of a file, about; default 64 MiB
	MaxFiles int     // the oldest are deleted; default 16
	// RedactHeaders and RedactParameters name further headers and parameters of the query
	// whose values are secret. Those of credentials, cookies and the session always are.
	// A keyed hash replaces a secret, so that equal ones stay equal.
	RedactHeaders, RedactParameters []string
	// OmitSettings leaves out abi.Config.Settings, if they hold secrets. To replay the
	// log, one passes the configuration.
	OmitSettings bool
}

// SetDefaults sets the zero fields to their defaults, as New does.
func (r *Recording) SetDefaults() {
	r.Rate = cmp.Or(r.Rate, 0.01)
	r.MaxBytes = cmp.Or(r.MaxBytes, 64<<20)
	r.MaxFiles = cmp.Or(r.MaxFiles, 16)
}

// openRecord opens the log of Config.Recording.
func (h *Host) openRecord() error {
	if h.config.Recording == nil {
		return nil
	}
	c, r := &h.config, *h.config.Recording
	r.SetDefaults()
	log, err := record.Open(record.Options{
		Folder: r.Folder, Rate: r.Rate, MaxBytes: r.MaxBytes, MaxFiles: r.MaxFiles,
		Headers: r.RedactHeaders, Parameters: r.RedactParameters, NoSettings: r.OmitSettings,
		Config: c.GuestConfig,
		Limits: record.Limits{Fuel: c.Limits.Fuel, Memory: c.Limits.Memory, Stack: c.Limits.Stack, FileBytes: c.FileLimits.Bytes, OpenFiles: c.FileLimits.Open},
		Rules:  record.Rules{Upstream: c.Upstream.Names(), Guard: c.GuardHeaders, Allow: c.AllowHeaders},
		Logger: c.Logger,
	})
	h.record = log
	return err
}

func (h *Host) closeRecord() error {
	if h.record == nil {
		return nil
	}
	return h.record.Close()
}
