package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Kinds of differences that are not named after fields of a decision.
const (
	NotRecorded = "not recorded" // the guest asked for what was not recorded
	Fails       = "fails"        // the guest fails, and did not
	Recovers    = "recovers"     // the guest failed, and does not
	Failure     = "failure"      // the guest fails in another way
	MoreFuel    = "more fuel"
	LessFuel    = "less fuel"
	// MissingHeaders: the guest asks for headers that the log does not have.
	MissingHeaders = "missing headers"
)

// kindOf are the kinds of differences by the first field that differs.
var kindOf = map[string]string{
	"outcome": "outcome", "schema": "tenant", "id": "tenant", "status": "redirect", "location": "redirect",
	"router": "routing", "domain": "routing", "folder": "routing", "reference": "routing", "path": "path",
	"urlconf": "urlconf", "ws_urlconf": "urlconf", "identifier": "identifier", "cache_prefix": "cache prefix",
	"route": "websocket route", "kwargs": "websocket route", "headers": "headers", "reason": "reason",
}

// Kinds are all kinds of differences, the most serious first.
var Kinds = []string{
	"outcome", "tenant", Fails, NotRecorded, MissingHeaders, "redirect", "routing", "path", "urlconf", "identifier", "cache prefix", "websocket route",
	"headers", Failure, Recovers, MoreFuel, LessFuel, "reason",
}

// tally is what one worker counts.
type tally struct {
	options *Options
	job     job

	requests, skipped, same uint64
	kinds                   map[string]*kind
	fuel                    [2]histogram // of the reference and the candidate
	withoutHeaders          map[string]uint64
	guests                  map[string]uint64 // requests by digest of the recorded guest
	candidate               stats.Guest
	noFuel                  bool
	notes                   map[string]bool
}

type kind struct {
	count, redacted uint64
	examples        []example
	least           float64 // weight of the last example, once there are too many
}

// example is a difference with its place, by which reports sort.
type example struct {
	Difference
	section, line int
	weight        float64 // the larger the sooner
}

func newTally(o *Options) *tally {
	return &tally{options: o, kinds: map[string]*kind{}, withoutHeaders: map[string]uint64{}, guests: map[string]uint64{}, notes: map[string]bool{}}
}

// begin begins a section.
func (t *tally) begin(j job, h *record.Header, g *guests.Generation) {
	t.job, t.noFuel = j, false
	n := uint64(j.section.Count())
	t.guests[h.Guest] += n
	for _, name := range missingHeaders(h, g) {
		t.withoutHeaders[name] += n
	}
	t.candidate = stats.Guest{Digest: g.Digest(), Name: g.Configured().Name, Version: g.Configured().Version}
}

// incomparable says that fuel is not compared in this section.
func (t *tally) incomparable(recorded, found int) {
	t.noFuel = true
	t.notes[fmt.Sprintf("fuel is not compared: the log has its version %d, and this tenantedge has %d; --against OLD.wasm compares with another guest on this one", recorded, found)] = true
}

// timed reports whether a failure depended on the load of the machine.
func timed(failed string) bool {
	return failed == string(stats.TrapDeadline) || failed == string(stats.TrapCancelled)
}

// compare compares what the reference answered, a, with what the candidate did, b.
func (t *tally) compare(line int, r *record.Request, a, b *outcome) {
	t.requests++
	if timed(a.failed) {
		t.skipped++
		return
	}
	t.fuel[0].add(a.fuel)
	t.fuel[1].add(b.fuel)
	if a.failed == b.failed && a.fuel == b.fuel && len(b.missing) == 0 && bytes.Equal(a.decision, b.decision) {
		t.same++
		return
	}
	differs := t.compareAnswers(line, r, a, b)
	if t.compareFuel(line, r, a, b) || differs {
		return
	}
	t.same++
}

// compareAnswers compares all but the fuel, and reports whether there is a difference.
func (t *tally) compareAnswers(line int, r *record.Request, a, b *outcome) bool {
	d := Difference{}
	name := ""
	d.NotRecorded = slices.Clone(b.missing)
	switch {
	case a.failed != b.failed:
		d.Fields = failureFields(a, b)
		switch {
		case a.failed == "":
			name = Fails
		case b.failed == "":
			name = Recovers
		default:
			name = Failure
		}
	case len(b.missing) > 0:
		name = NotRecorded
	case a.failed == "" && !bytes.Equal(a.decision, b.decision):
		if d.Fields = t.fields(line, r, a, b); len(d.Fields) == 0 {
			return false
		}
		name = kindOf[d.Fields[0].Name]
	default:
		return false
	}
	t.add(name, line, r, d, 0)
	return true
}

// failureFields returns how one guest failed, and the other not or in another way.
func failureFields(a, b *outcome) []FieldDifference {
	describe := func(o *outcome) string {
		if o.failed == "" {
			return ""
		}
		return clip(o.failed + ": " + o.text)
	}
	return []FieldDifference{{"failed", describe(a), describe(b)}}
}

// fields returns the fields in which decisions differ.
func (t *tally) fields(line int, r *record.Request, a, b *outcome) (all []FieldDifference) {
	var decided [2]guests.Decision
	for i, o := range []*outcome{a, b} {
		if err := record.ParseDecision(o.decision, &r.Request, &decided[i]); err != nil {
			t.notes[fmt.Sprintf("%s: the decision is malformed: %v", t.job.section.Where(line), err)] = true
			return []FieldDifference{{"outcome", clip(string(a.decision)), clip(string(b.decision))}}
		}
	}
	values := func(d *guests.Decision) map[string]string {
		m := map[string]string{}
		for _, f := range record.Fields(d) {
			m[f.Name] = f.Value
		}
		return m
	}
	was, is := values(&decided[0]), values(&decided[1])
	names := record.Fields(&decided[0])
	for _, f := range record.Fields(&decided[1]) {
		if _, ok := was[f.Name]; !ok {
			names = append(names, f)
		}
	}
	for _, f := range names {
		if was[f.Name] != is[f.Name] {
			all = append(all, FieldDifference{f.Name, clip(was[f.Name]), clip(is[f.Name])})
		}
	}
	return all
}

// compareFuel reports whether the fuel differs.
func (t *tally) compareFuel(line int, r *record.Request, a, b *outcome) bool {
	if t.noFuel || a.fuel == b.fuel || a.failed != b.failed || len(b.missing) > 0 {
		return false
	}
	change := float64(b.fuel)/float64(max(1, a.fuel)) - 1
	if 100*math.Abs(change) <= t.options.FuelTolerance {
		return false
	}
	name := MoreFuel
	if change < 0 {
		name = LessFuel
	}
	t.add(name, line, r, Difference{}, math.Abs(change), a.fuel, b.fuel)
	return true
}

// add counts a difference and keeps it, if it is among the examples.
func (t *tally) add(name string, line int, r *record.Request, d Difference, weight float64, fuel ...uint64) {
	k := t.kinds[name]
	if k == nil {
		k = &kind{}
		t.kinds[name] = k
	}
	k.count++
	if len(r.Redacted) > 0 {
		k.redacted++
	}
	most := t.options.Examples
	if most > 0 && len(k.examples) >= most && weight <= k.least {
		return // an earlier one is as good
	}
	d.Kind, d.Where, d.Request = name, t.job.section.Where(line), describe(r)
	d.Redacted = slices.Clone(r.Redacted)
	for i := range d.Redacted {
		d.Redacted[i] = strings.Clone(d.Redacted[i]) // the section is released
	}
	if len(fuel) == 2 {
		d.Recorded, d.Found = fuel[0], fuel[1]
	}
	k.examples = append(k.examples, example{d, t.job.number, line, weight})
	if most > 0 && len(k.examples) >= 2*most {
		k.trim(most)
		k.least = k.examples[most-1].weight
	}
}

// trim keeps the first examples.
func (k *kind) trim(most int) {
	slices.SortFunc(k.examples, func(a, b example) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.section, b.section), cmp.Compare(a.line, b.line))
	})
	if most > 0 && len(k.examples) > most {
		k.examples = k.examples[:most]
	}
}

// merge adds the figures of another worker.
func (t *tally) merge(o *tally) {
	t.requests += o.requests
	t.skipped += o.skipped
	t.same += o.same
	for name, k := range o.kinds {
		sum := t.kinds[name]
		if sum == nil {
			sum = &kind{}
			t.kinds[name] = sum
		}
		sum.count += k.count
		sum.redacted += k.redacted
		sum.examples = append(sum.examples, k.examples...)
	}
	for i := range t.fuel {
		t.fuel[i].merge(&o.fuel[i])
	}
	for name, n := range o.withoutHeaders {
		t.withoutHeaders[name] += n
	}
	for digest, n := range o.guests {
		t.guests[digest] += n
	}
	maps.Copy(t.notes, o.notes)
	if o.candidate.Digest != "" {
		t.candidate = o.candidate
	}
}

// maxText bounds a text in a report, in bytes.
const maxText = 300

func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.Clone(s)
}

func describe(r *record.Request) string {
	q := &r.Request
	text := q.Method + " " + q.Scheme + "://" + q.Host + q.Target
	if !strings.HasPrefix(q.Target, "/") {
		text = q.Method + " " + q.Target + " of " + q.Scheme + "://" + q.Host
	}
	if q.Websocket {
		text += " (websocket)"
	}
	return clip(text)
}
