package console

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// programsData is what the page about programs shows.
type programsData struct {
	State  State
	Trial  *trial // nil: no guest was tried
	Limits edge.CandidateLimits
}

// trial is the trial of a candidate.
type trial struct {
	*stats.Candidate
	Running     bool
	Way         string // how it is tried
	FuelRatio   string // to the current guest's
	TimeRatio   string
	Differences []pair // by kind
	Latest      []stats.DifferenceSample
}

// Trying reports whether a candidate is tried.
func (d *programsData) Trying() bool { return d.Trial != nil && d.Trial.Running }

func (c *Console) programs(w http.ResponseWriter, r *http.Request, v *visit) {
	c.render(w, r, v, http.StatusOK, "programs", "Programs", c.programsNow())
}

func (c *Console) programsNow() *programsData {
	_, state, _ := c.history.now()
	state.Host = c.options.Edge().State().Host // an action may just have changed it
	return &programsData{State: state, Trial: newTrial(state.Host.Candidate), Limits: edge.DefaultCandidateLimits()}
}

func newTrial(of *stats.Candidate) *trial {
	if of == nil {
		return nil
	}
	t := &trial{Candidate: of, Running: of.Ended == "", FuelRatio: ratio(float64(of.Fuel), float64(of.CurrentFuel)), TimeRatio: ratio(of.Seconds, of.CurrentSeconds)}
	t.Latest = slices.Clone(of.Samples)
	slices.Reverse(t.Latest)
	switch {
	case of.Shadow > 0:
		t.Way = "shadow of " + percent(of.Shadow) + " of the requests"
	default:
		var ways []string
		if of.Canary > 0 {
			ways = append(ways, percent(of.Canary)+" of the tenants")
		}
		if len(of.Tenants) > 0 {
			ways = append(ways, strings.Join(of.Tenants, ", "))
		}
		if of.Header != "" {
			ways = append(ways, "requests with the header "+of.Header)
		}
		t.Way = "canary for " + strings.Join(ways, " and ")
	}
	for _, kind := range []stats.Difference{
		stats.DiffersOutcome, stats.DiffersTenant, stats.DiffersURLConf, stats.DiffersPath, stats.DiffersLocation, stats.DiffersNames, stats.DiffersHeaders, stats.DiffersRoute,
	} {
		if n := of.Differences[kind]; n > 0 {
			t.Differences = append(t.Differences, pair{string(kind), number(n)})
		}
	}
	return t
}

func ratio(x, of float64) string {
	if of == 0 {
		return "–"
	}
	return strconv.FormatFloat(digits(x/of), 'f', -1, 64) + " ×"
}

const programsPath = "/console/programs"

func (c *Console) swap(w http.ResponseWriter, r *http.Request, v *visit) {
	c.withModule(w, r, v, func(f *moduleForm) (string, error) {
		report, err := c.options.Edge().Swap(r.Context(), v.by(r, f.value("reason")), f.module)
		return "The guest runs: " + named(report), err
	})
}

func (c *Console) startCandidate(w http.ResponseWriter, r *http.Request, v *visit) {
	c.withModule(w, r, v, func(f *moduleForm) (string, error) {
		candidate, err := f.candidate()
		if err != nil {
			return "", err
		}
		return "The trial has begun.", c.options.Edge().StartCandidate(r.Context(), v.by(r, f.value("reason")), f.module, candidate)
	})
}

func (c *Console) rollback(w http.ResponseWriter, r *http.Request, v *visit) {
	report, err := c.options.Edge().Rollback(r.Context(), v.by(r, r.PostForm.Get("reason")))
	c.acted(w, r, v, "The previous guest runs again: "+named(report), err)
}

func (c *Console) promote(w http.ResponseWriter, r *http.Request, v *visit) {
	report, err := c.options.Edge().Promote(r.Context(), v.by(r, r.PostForm.Get("reason")))
	c.acted(w, r, v, "The candidate runs: "+named(report), err)
}

func (c *Console) abort(w http.ResponseWriter, r *http.Request, v *visit) {
	err := c.options.Edge().Abort(v.by(r, r.PostForm.Get("reason")))
	c.acted(w, r, v, "The trial has ended. The current guest keeps running.", err)
}

// acted shows the result of an action.
func (c *Console) acted(w http.ResponseWriter, r *http.Request, v *visit, done string, err error) {
	if err != nil {
		c.done(w, r, v, programsPath, notice{true, sentence(fmt.Sprintf("%.2000s", err))})
		return
	}
	c.done(w, r, v, programsPath, notice{false, done})
}

func named(r edge.Report) string {
	return clean(r.Guest.Name+" "+r.Guest.Version) + ", " + short(r.Guest.Digest) + "."
}

// moduleForm is a form with a guest.
type moduleForm struct {
	module Module
	values map[string]string
}

func (f *moduleForm) value(name string) string { return strings.TrimSpace(f.values[name]) }

// withModule reads a form with a guest and acts on it. One guest is received at a time,
// since it is kept in memory.
func (c *Console) withModule(w http.ResponseWriter, r *http.Request, v *visit, act func(*moduleForm) (string, error)) {
	if !c.upload.TryLock() {
		c.fail(w, r, http.StatusServiceUnavailable, "another guest is being uploaded; try again when it is done")
		return
	}
	defer c.upload.Unlock()
	f, status, err := readModule(w, r, v)
	if err != nil {
		c.fail(w, r, status, err.Error())
		return
	}
	done, err := act(f)
	c.acted(w, r, v, done, err)
}

var (
	errOutOfDate = errors.New("the form is out of date; open the page again and repeat it")
	errUpload    = errors.New("the form cannot be read; choose a file and send it again")
)

// readModule reads a form with files. Its first field is the session's token, without
// which no file is read.
func readModule(w http.ResponseWriter, r *http.Request, v *visit) (*moduleForm, int, error) {
	r.Body = http.MaxBytesReader(w, r.Body, instance.MaxModule+2*maxForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, http.StatusBadRequest, errUpload
	}
	f := &moduleForm{values: map[string]string{}}
	for first := true; ; first = false {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && !first:
			return f, http.StatusOK, nil
		case err != nil:
			return nil, http.StatusBadRequest, tooLarge(err)
		}
		if err := f.read(part, first, v); err != nil {
			status := http.StatusBadRequest
			if errors.Is(err, errOutOfDate) {
				status = http.StatusForbidden
			}
			return nil, status, err
		}
	}
}

// read reads one field of a form.
func (f *moduleForm) read(part *multipart.Part, first bool, v *visit) error {
	limit := int64(4 << 10)
	switch part.FormName() {
	case "guest":
		limit = instance.MaxModule
	case "signature":
		limit = signature.MaxSize
	}
	content, err := io.ReadAll(io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return tooLarge(err)
	case first && (part.FormName() != "csrf" || !v.sent(string(content))):
		return errOutOfDate
	case int64(len(content)) > limit:
		return fmt.Errorf("%s: expected at most %s, found more", clean(part.FormName()), size(limit))
	}
	switch name := part.FormName(); name {
	case "guest":
		f.module.Wasm = content
	case "signature":
		f.module.Signature = content
	default:
		if len(f.values) < 32 {
			f.values[name] = string(content)
		}
	}
	return nil
}

// tooLarge returns the error for a form that cannot be read.
func tooLarge(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return instance.ErrModuleSize
	}
	return errUpload
}

// candidate returns how the guest of a form is to be tried.
func (f *moduleForm) candidate() (c edge.Candidate, err error) {
	c.Limits = edge.DefaultCandidateLimits()
	shares := map[string]*float64{
		"failures": &c.Limits.Failures, "differences": &c.Limits.Differences, "costly": &c.Limits.Costly, "fuel": &c.Limits.Fuel, "time": &c.Limits.Time,
	}
	switch way := f.value("way"); way {
	case "shadow":
		shares["share"] = &c.Shadow
	case "canary":
		shares["share"] = &c.Canary
		c.Tenants, c.Header = strings.FieldsFunc(f.value("tenants"), func(r rune) bool { return strings.ContainsRune(", \r\n\t", r) }), f.value("header")
	default:
		return c, fmt.Errorf("expected a shadow or a canary, found %.40q", way)
	}
	for name, to := range shares {
		text := f.value(name)
		if text == "" {
			continue
		}
		share, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
		if err != nil || !(share >= 0 && share < 1e9) {
			return c, fmt.Errorf("%s: expected a number, found %.40q", name, text)
		}
		if name != "fuel" && name != "time" {
			share /= 100 // the form asks for percents
		}
		*to = share
	}
	return c, nil
}
