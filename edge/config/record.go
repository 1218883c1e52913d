package config

import (
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
)

// Record configures the log of requests, which `tenantedge guest replay` reads; see
// edge.Recording.
type Record struct {
	Folder           string   `key:"folder,required,path"`
	Rate             Share    `key:"rate"`
	MaxBytes         int64    `key:"max_bytes,bytes"`
	MaxFiles         int      `key:"max_files,min=1"`
	RedactHeaders    []string `key:"redact_headers,header"`
	RedactParameters []string `key:"redact_parameters,nonempty"`
	OmitSettings     bool     `key:"omit_settings"`
}

func (r *Record) decode(v value) {
	var defaults edge.Recording
	defaults.SetDefaults()
	*r = Record{Rate: Share(defaults.Rate), MaxBytes: defaults.MaxBytes, MaxFiles: defaults.MaxFiles}
	v.object(r)
}

// Recording returns what the section record configures. nil: requests are not recorded.
// It is not part of [File.Edge], since only an edge that serves records.
func (f *File) Recording() *edge.Recording {
	r := f.Record
	if r == nil || r.Rate == 0 {
		return nil
	}
	return &edge.Recording{
		Folder: r.Folder, Rate: float64(r.Rate), MaxBytes: r.MaxBytes, MaxFiles: r.MaxFiles,
		RedactHeaders: r.RedactHeaders, RedactParameters: r.RedactParameters, OmitSettings: r.OmitSettings,
	}
}

// Share is a part of a whole: a number from 0 to 1, or a percentage such as 1%.
type Share float64

func (s *Share) decode(v value) {
	number, percent := strings.CutSuffix(v.n.text, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		n /= 100
	}
	scalar := v.n.kind == kindInt || v.n.kind == kindFloat || v.n.kind == kindString && percent
	if err != nil || !scalar || !(n >= 0 && n <= 1) {
		v.mismatch(`a percentage such as "1%", or a number from 0 to 1`)
		return
	}
	*s = Share(n)
}
