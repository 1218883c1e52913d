package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// frame is what top shows at one time. Rates are per second.
type frame struct {
	At         time.Time          `json:"at"`
	Seconds    float64            `json:"seconds"` // since the frame before
	InProgress int64              `json:"in_progress"`
	Websockets serve.Websockets   `json:"websockets"`
	Results    map[string]float64 `json:"results"` // rates of requests that the guest has routed
	Programs   []programFigures   `json:"programs"`
	Candidate  *stats.Candidate   `json:"candidate,omitempty"` // nil: none is tried
	Tenants    *tenantFigures     `json:"tenants"`             // nil: their use is not counted
	Error      string             `json:"error,omitempty"`     // why the figures are those of the frame before
}

// programFigures are those of a guest.
type programFigures struct {
	Role  string      `json:"role"` // current, previous or candidate
	Guest stats.Guest `json:"guest"`
	Calls float64     `json:"calls"`
	Fuel  float64     `json:"fuel"`
	// Micros are percentiles of the time of a call, in µs; without calls those since the
	// start.
	Micros  map[string]float64 `json:"micros"`
	Traps   uint64             `json:"traps"` // since the start
	Busy    int                `json:"busy"`
	Waiting int                `json:"waiting"`
}

// tenantFigures are those of the tenants that use most.
type tenantFigures struct {
	Seconds float64          `json:"seconds"` // of the windows that they are about
	Active  int              `json:"active"`
	Sort    string           `json:"sort"`
	Total   accounting.Usage `json:"total"`
	Rows    []accounting.Row `json:"rows"`
}

// frameOf returns the frame of two polls.
func (o *topOptions) frameOf(before, now *polled) *frame {
	a, b := &before.status, &now.status
	f := &frame{
		At: b.At, Seconds: b.At.Sub(a.At).Seconds(), InProgress: b.InProgress, Websockets: b.Websockets,
		Results: map[string]float64{}, Programs: []programFigures{},
	}
	for result, n := range b.Host.Requests {
		if n > a.Host.Requests[result] {
			f.Results[string(result)] = f.rate(n - a.Host.Requests[result])
		}
	}
	f.addProgram("current", b.Host.Guest, &b.Host.Current, programOf(&a.Host, b.Host.Guest.Digest))
	f.addProgram("previous", b.Host.Previous, &b.Host.Parked, programOf(&a.Host, b.Host.Previous.Digest))
	if c := b.Host.Candidate; c != nil && c.Ended == "" {
		f.Candidate = c
		f.addProgram("candidate", c.Guest, &c.Program, programOf(&a.Host, c.Guest.Digest))
	}
	if r := now.usage; r != nil {
		f.Tenants = &tenantFigures{Seconds: r.To.Sub(r.From).Seconds(), Active: r.Tenants, Sort: o.sortBy, Total: r.Total, Rows: r.Rows}
	}
	return f
}

// programOf returns the figures of a guest, or nil.
func programOf(h *stats.Host, digest string) *stats.Program {
	switch {
	case h.Guest.Digest == digest:
		return &h.Current
	case h.Previous.Digest == digest:
		return &h.Parked
	case h.Candidate != nil && h.Candidate.Guest.Digest == digest:
		return &h.Candidate.Program
	}
	return nil
}

// rate returns n since the frame before as a rate.
func (f *frame) rate(n uint64) float64 {
	if f.Seconds <= 0 {
		return 0
	}
	return float64(n) / f.Seconds
}

func (f *frame) addProgram(role string, guest stats.Guest, p, before *stats.Program) {
	if guest.Digest == "" {
		return
	}
	line := programFigures{Role: role, Guest: guest, Busy: p.Busy, Waiting: p.Waiting, Micros: map[string]float64{}}
	for _, n := range p.Traps {
		line.Traps += n
	}
	if before == nil || before.Calls > p.Calls {
		before = new(stats.Program)
	}
	line.Calls, line.Fuel = f.rate(p.Calls-before.Calls), f.rate(p.Fuel-before.Fuel)
	times := minus(&p.CallSeconds, &before.CallSeconds)
	for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99} {
		if seconds, ok := quantile(&times, share); ok {
			line.Micros[name] = seconds * 1e6
		}
	}
	f.Programs = append(f.Programs, line)
}

// minus returns the values of a histogram that came after those of before; if there are
// none, all values.
func minus(h, before *stats.Histogram) stats.Histogram {
	since, sum := stats.Histogram{Bounds: h.Bounds, Counts: make([]uint64, len(h.Counts))}, uint64(0)
	for n, count := range h.Counts {
		if n < len(before.Counts) {
			count -= min(before.Counts[n], count)
		}
		since.Counts[n] = count
		sum += count
	}
	if sum == 0 {
		return *h
	}
	return since
}

// quantile estimates the value below which a share of the values is. Values in the last
// bucket count as its lower bound. ok is false without values.
func quantile(h *stats.Histogram, share float64) (value float64, ok bool) {
	total := uint64(0)
	for _, n := range h.Counts {
		total += n
	}
	if total == 0 || len(h.Counts) != len(h.Bounds)+1 || len(h.Bounds) == 0 {
		return 0, false
	}
	rank, below := share*float64(total), 0.0
	for n, count := range h.Counts[:len(h.Bounds)] {
		if at := below + float64(count); count > 0 && at >= rank {
			low := 0.0
			if n > 0 {
				low = h.Bounds[n-1]
			}
			return low + (h.Bounds[n]-low)*(rank-below)/float64(count), true
		}
		below += float64(count)
	}
	return h.Bounds[len(h.Bounds)-1], true
}

// text returns the frame as lines.
func (f *frame) text() []string {
	var out bytes.Buffer
	f.writeHead(&out)
	f.writePrograms(&out)
	f.writeTenants(&out)
	if f.Error != "" {
		fmt.Fprintf(&out, "\nno newer figures: %s\n", inLine(f.Error))
	}
	return strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
}

func (f *frame) writeHead(out *bytes.Buffer) {
	sum := 0.0
	var parts []string
	for _, result := range []stats.Result{
		stats.ResultTenant, stats.ResultNone, stats.ResultRedirect, stats.ResultNotFound, stats.ResultBad, stats.ResultConflict,
		stats.ResultTooLarge, stats.ResultBusy, stats.ResultSession, stats.ResultGuest, stats.ResultCancelled, stats.ResultError,
	} {
		if rate := f.Results[string(result)]; rate > 0 {
			sum += rate
			parts = append(parts, fmt.Sprintf("%s %.1f", result, rate))
		}
	}
	fmt.Fprintf(out, "%s   %.1f requests/s, %d in progress   %s\n", f.At.Local().Format(time.TimeOnly), sum, f.InProgress, strings.Join(parts, ", "))
	w := f.Websockets
	fmt.Fprintf(out, "websockets: %d handled, %d relayed, %d passing through\n\n", w.Handled, w.Relayed, w.Passing)
}

func (f *frame) writePrograms(out *bytes.Buffer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "calls/s\tfuel/call\tp50 µs\tp90 µs\tp99 µs\ttraps\tbusy\twaiting\t  program")
	for i := range f.Programs {
		p := &f.Programs[i]
		fuel := 0.0
		if p.Calls > 0 {
			fuel = p.Fuel / p.Calls
		}
		fmt.Fprintf(w, "%.1f\t%.0f\t%s\t%s\t%s\t%d\t%d\t%d\t  %s %s\n", p.Calls, fuel,
			micros(p, "p50"), micros(p, "p90"), micros(p, "p99"), p.Traps, p.Busy, p.Waiting, p.Role, inLine(describeGuest(p.Guest)))
	}
	_ = w.Flush() // to memory
	if c := f.Candidate; c != nil {
		fmt.Fprintf(out, "candidate: %s; %d requests, %d failed, %d differ, %d cost too much\n", inLine(howTried(c)), c.Judged, c.Failures, c.Differing, c.Costly)
	}
	out.WriteByte('\n')
}

func micros(p *programFigures, name string) string {
	value, ok := p.Micros[name]
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.1f", value)
}

func (f *frame) writeTenants(out *bytes.Buffer) {
	t := f.Tenants
	if t == nil {
		out.WriteString("the use of tenants is not counted: usage.enabled is false\n")
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "req/s\tfailed/s\tfuel/s\tguest ms/s\tin/s\tout/s\tupstream ms/s\twebsockets\t  tenant")
	line := func(tenant string, u *accounting.Usage) {
		per := func(n uint64) float64 { return float64(n) / max(t.Seconds, 1e-9) }
		fmt.Fprintf(w, "%.1f\t%.1f\t%.0f\t%.3f\t%s\t%s\t%.1f\t%.1f\t  %s\n", per(u.Requests()), per(u.ServerError+u.Aborted), per(u.Fuel), per(u.GuestTime)/1e6,
			size(uint64(per(u.BytesIn+u.WebsocketIn))), size(uint64(per(u.BytesOut+u.WebsocketOut))), per(u.UpstreamTime)/1e6, per(u.WebsocketTime)/1e9, tenant)
	}
	line("(all)", &t.Total)
	for i := range t.Rows {
		line(tenantName(&t.Rows[i]), &t.Rows[i].Usage)
	}
	_ = w.Flush() // to memory
	fmt.Fprintf(out, "%s in the last %.0f s, by %s\n", number(uint64(t.Active), "tenant", "tenants"), t.Seconds, t.Sort)
}
