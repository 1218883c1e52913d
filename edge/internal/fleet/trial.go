package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
)

// Trial is how a candidate is tried; see edge.Candidate and edge.CandidateLimits.
type Trial struct {
	Shadow      float64  `json:"shadow,omitempty"`
	Canary      float64  `json:"canary,omitempty"`
	Tenants     []string `json:"tenants,omitempty"`
	Header      string   `json:"header,omitempty"`
	Failures    float64  `json:"failures"`
	Differences float64  `json:"differences"`
	Costly      float64  `json:"costly"`
	Fuel        float64  `json:"fuel"`
	Time        float64  `json:"time,omitempty"`
}

// Candidate returns the candidate that is tried.
func (t *Trial) Candidate(wasm []byte) edge.Candidate {
	return edge.Candidate{
		Guest: wasm, Shadow: t.Shadow, Canary: t.Canary, Tenants: t.Tenants, Header: t.Header,
		Limits: edge.CandidateLimits{Failures: t.Failures, Differences: t.Differences, Costly: t.Costly, Fuel: t.Fuel, Time: t.Time},
	}
}

// Check returns why the trial is not valid.
func (t *Trial) Check() error {
	c := t.Candidate(nil)
	internal := guests.Candidate{Shadow: c.Shadow, Canary: c.Canary, Tenants: c.Tenants, Header: c.Header, Limits: guests.CandidateLimits(c.Limits)}
	return internal.Check()
}

func defaultTrial() Trial {
	l := edge.DefaultCandidateLimits()
	return Trial{Failures: l.Failures, Differences: l.Differences, Costly: l.Costly, Fuel: l.Fuel, Time: l.Time}
}

// DecodeTrial decodes and checks the trial of a rollout.
func DecodeTrial(text json.RawMessage) (Trial, error) {
	t := defaultTrial()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&t)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("found more after it")
		}
	}
	if err == nil {
		err = t.Check()
	}
	if err != nil {
		return Trial{}, fmt.Errorf("expected how the candidate is tried, as `tenantedge guest rollout` writes it, found %.200q: %w", text, err)
	}
	return t, nil
}

// ParseTrial parses the parameters of PUT /guest/candidate, which are the flags of
// `tenantedge guest rollout` too. It does not check what they are together.
func ParseTrial(query url.Values) (Trial, error) {
	t := defaultTrial()
	t.Tenants, t.Header = query["tenant"], query.Get("header")
	numbers := map[string]*float64{
		"shadow": &t.Shadow, "canary": &t.Canary,
		"failures": &t.Failures, "differences": &t.Differences, "costly": &t.Costly, "fuel": &t.Fuel, "time": &t.Time,
	}
	for name, values := range query {
		number := numbers[name]
		switch {
		case name == "tenant":
			if slices.Contains(values, "") {
				return t, errors.New("tenant: expected a schema, found an empty value")
			}
		case name == "header" && len(values) == 1:
		case number == nil || len(values) != 1:
			return t, fmt.Errorf("%.40q: expected each of shadow, canary, header, failures, differences, costly, fuel and time at most once, and any number of tenant", name)
		default:
			var err error
			if *number, err = parseShare(values[0]); err != nil {
				return t, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return t, nil
}

// parseShare parses a number such as 0.05, or 5% for the same.
func parseShare(text string) (float64, error) {
	of, divisor := strings.CutSuffix(text, "%")
	number, err := strconv.ParseFloat(of, 64)
	if err != nil || !(number >= 0 && number < 1e9) {
		return 0, fmt.Errorf("expected a number such as 0.05 or 5%%, found %.40q", text)
	}
	if divisor {
		number /= 100
	}
	return number, nil
}
