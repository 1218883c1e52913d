package replay

import (
	"maps"
	"slices"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Report is what a replay found. It is the output of guest replay --json.
type Report struct {
	Candidate stats.Guest `json:"candidate"`
	// Recorded are the requests by the digest of the guest that decided them.
	Recorded map[string]uint64 `json:"recorded"`
	Requests uint64            `json:"requests"`
	Same     uint64            `json:"same"`   // decided alike, with the same fuel or within the tolerance
	Differ   uint64            `json:"differ"` // decided otherwise, or with other fuel
	// Skipped are requests whose recorded outcome depended on the load of the machine: a
	// deadline passed, or the client disconnected.
	Skipped uint64 `json:"skipped"`
	Kinds   []Kind `json:"kinds"`
	// MissingHeaders are the headers that the candidate asks for and the log lacks, with
	// the number of requests.
	MissingHeaders map[string]uint64 `json:"missing_headers,omitempty"`
	Fuel           Fuel              `json:"fuel"`
	Notes          []string          `json:"notes,omitempty"`
}

// Kind is a kind of difference.
type Kind struct {
	Kind  string `json:"kind"`
	Count uint64 `json:"count"`
	// Redacted of them are about requests with redacted values, which may be the cause.
	Redacted uint64       `json:"redacted"`
	Examples []Difference `json:"examples"`
}

// Difference is one difference.
type Difference struct {
	Kind        string            `json:"-"`
	Where       string            `json:"where"` // file and line
	Request     string            `json:"request"`
	Redacted    []string          `json:"redacted,omitempty"` // what is not as the client sent it
	Fields      []FieldDifference `json:"fields,omitempty"`
	NotRecorded []string          `json:"not_recorded,omitempty"` // what the candidate asked for
	Recorded    uint64            `json:"recorded_fuel,omitempty"`
	Found       uint64            `json:"found_fuel,omitempty"`
}

// FieldDifference is a field of a decision with two values.
type FieldDifference struct {
	Name     string `json:"name"`
	Recorded string `json:"recorded"`
	Found    string `json:"found"`
}

// Fuel summarizes the fuel of all requests.
type Fuel struct {
	Recorded Distribution `json:"recorded"`
	Found    Distribution `json:"found"`
}

// Counts reports whether there is a difference of a kind that is not ignored.
func (r *Report) Counts(ignored []string) bool {
	if len(r.MissingHeaders) > 0 && !slices.Contains(ignored, MissingHeaders) {
		return true
	}
	return slices.ContainsFunc(r.Kinds, func(k Kind) bool { return !slices.Contains(ignored, k.Kind) })
}

func (t *tally) report() *Report {
	r := &Report{
		Candidate: t.candidate, Recorded: t.guests, Requests: t.requests, Same: t.same, Skipped: t.skipped, Differ: t.requests - t.same - t.skipped,
		MissingHeaders: t.withoutHeaders, Kinds: []Kind{},
		Fuel: Fuel{t.fuel[0].distribution(), t.fuel[1].distribution()}, Notes: slices.Sorted(maps.Keys(t.notes)),
	}
	for _, name := range Kinds {
		k := t.kinds[name]
		if k == nil {
			continue
		}
		k.trim(t.options.Examples)
		of := Kind{Kind: name, Count: k.count, Redacted: k.redacted}
		for _, e := range k.examples {
			of.Examples = append(of.Examples, e.Difference)
		}
		r.Kinds = append(r.Kinds, of)
	}
	return r
}
