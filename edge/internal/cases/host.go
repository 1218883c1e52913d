package cases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Host answers the cases of a file with a guest.
type Host struct {
	Host *edge.Host

	directory  *tenantdb.Directory
	sessionKey string
	notes      *explain.Notes
	files      *tenantFiles // nil: guests have none
	close      []func() error
}

// deadline is that of a case. It bounds only waiting: fuel bounds the guest, and a
// busy machine must not change an answer.
const deadline = 10 * time.Second

// Open loads the guest into the host that the file configures. An error is that of
// loading or configuring the guest, or one of the file.
func Open(ctx context.Context, wasm []byte, f *File) (*Host, error) {
	h := &Host{notes: &explain.Notes{}, sessionKey: f.Config.GuestConfig.TenantSessionKey}
	parts, err := serve.Open(f.Config, serve.Options{Guest: wasm, Logger: h.notes.Logger()})
	if err != nil {
		return nil, err
	}
	h.close = append(h.close, parts.Close)
	if err := parts.Load(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if problems := parts.Config.Directory.Problems(); len(problems) > 0 {
		return nil, errors.Join(fmt.Errorf("%s: tenants: %s", f.Name, problems[0]), h.Close())
	}
	c := &parts.Config
	c.Limits.Deadline, c.Limits.Instances, c.GuestLogRate = max(c.Limits.Deadline, deadline), 1, -1
	c.SmokeRun = nil // a guest that crashes the compiler ends only this test
	c.FixedTime, c.Queries = f.Now, &querier{f.Queries, h.notes.Add}
	if c.CompileCache == "" {
		// The files of one run share compiled code.
		if c.CompileCache, err = os.MkdirTemp("", "tenantedge-cases-"); err != nil {
			return nil, errors.Join(err, h.Close())
		}
		h.close = append(h.close, func() error { return os.RemoveAll(c.CompileCache) })
	}
	if f.Files != nil {
		if h.files, err = newTenantFiles(f.Files, f.Now); err != nil {
			return nil, errors.Join(err, h.Close())
		}
		h.close = append(h.close, h.files.close)
		if err := h.files.reset(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", f.Name, err), h.Close())
		}
		c.Files = h.files.open
	}
	if h.Host, err = edge.New(ctx, *c); err != nil {
		return nil, errors.Join(parts.Locate(err), h.Close())
	}
	h.directory = c.Directory
	return h, nil
}

// HostOf returns a Host for cases with parts that another owner opened and closes.
func HostOf(host *edge.Host, directory *tenantdb.Directory, sessionKey string, notes *explain.Notes) *Host {
	return &Host{Host: host, directory: directory, sessionKey: sessionKey, notes: notes}
}

// Close releases the guest.
func (h *Host) Close() error {
	var errs []error
	if h.Host != nil {
		errs = append(errs, h.Host.Close())
	}
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = append(errs, h.close[i]())
	}
	h.close = nil
	return errors.Join(errs...)
}

// Result is the result of one case.
type Result struct {
	File        string       `json:"file"`
	Line        int          `json:"line,omitempty"`
	Name        string       `json:"name"`
	Op          string       `json:"op"` // see Case.Op
	Fuel        uint64       `json:"fuel"`
	Differences []Difference `json:"differences,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
}

// Passed reports whether the answer was the expected one.
func (r *Result) Passed() bool { return len(r.Differences) == 0 }

// Case asks the guest the question of a case and compares the answer.
func (h *Host) Case(ctx context.Context, c *Case) Result {
	a, fuel := h.Ask(ctx, c)
	r := Result{File: c.File, Line: c.Line, Name: c.Name, Op: c.Op(), Fuel: fuel, Differences: c.Expect.Compare(&a), Notes: a.Notes}
	if limit := uint64(c.Fuel); limit > 0 && fuel > limit {
		r.Differences = append(r.Differences, Difference{"fuel", fmt.Sprintf("at most %d", limit), fmt.Sprint(fuel)})
	}
	if reason := a.Fields["reason"]; reason != "" && !r.Passed() {
		r.Notes = append([]string{fmt.Sprintf("%s %s: %s", a.Fields["outcome"], a.Fields["status"], reason)}, r.Notes...)
	}
	return r
}

// Ask asks the guest the question of a case. It returns the answer and its fuel.
func (h *Host) Ask(ctx context.Context, c *Case) (Answer, uint64) {
	h.notes.Take()
	if h.files != nil {
		if err := h.files.reset(ctx); err != nil {
			return Answer{Err: err}, 0
		}
	}
	before := h.Host.Stats().Current.Fuel
	_, question := c.question()
	a := question.ask(ctx, h, &c.Expect)
	a.Notes = h.notes.Take()
	return a, h.Host.Stats().Current.Fuel - before
}
