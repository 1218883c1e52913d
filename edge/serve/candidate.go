package serve

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
)

// candidateRoutes adds the routes that try a guest beside the one that runs.
func (s *Server) candidateRoutes(mux *http.ServeMux, authorized func(role string, next http.HandlerFunc) http.HandlerFunc) {
	mux.HandleFunc("PUT /guest/candidate", authorized(config.RoleOperate, s.startCandidate))
	mux.HandleFunc("DELETE /guest/candidate", authorized(config.RoleOperate, s.abortCandidate))
	mux.HandleFunc("POST /guest/promote", authorized(config.RoleOperate, func(w http.ResponseWriter, r *http.Request) {
		s.changeGuest(func(g *generation) {
			report, guest, err := g.promote(r.Context())
			g.auditSwap(requestRecord(r), guest, report, err)
			answerSwap(w, report, g.logSwap(report, err, "the candidate was promoted; it is now running", "the candidate was refused; the current guest keeps running"))
		})
	}))
}

func (s *Server) startCandidate(w http.ResponseWriter, r *http.Request) {
	c, err := candidateOf(r.URL.Query())
	if err != nil {
		closeUnread(w, r)
		writeJSON(w, http.StatusBadRequest, apiError{err.Error()})
		return
	}
	guest, ok := s.acceptGuest(w, r)
	if ok {
		s.changeGuest(func(g *generation) { g.tryGuest(w, r, guest, c) })
	}
}

// tryGuest starts the trial of a guest that was received.
func (s *generation) tryGuest(w http.ResponseWriter, r *http.Request, guest signedGuest, c edge.Candidate) {
	if err := s.startTrial(r.Context(), guest, c); err != nil {
		s.log.Error("a candidate was refused", "error", err)
		s.auditSwap(requestRecord(r), guest, edge.Report{}, err)
		writeJSON(w, http.StatusUnprocessableEntity, apiError{err.Error()})
		return
	}
	trial := s.host.Stats().Candidate
	record := requestRecord(r)
	record.Outcome, record.Offered, record.SignedBy = auditDone, trial.Guest.Digest, guest.keyID
	s.audit.record(record)
	s.log.Info("a guest is tried beside the current one", "candidate", trial.Guest.Digest, "shadow", c.Shadow, "canary", c.Canary, "tenants", c.Tenants)
	returnMemory()
	writeJSON(w, http.StatusOK, trial)
}

func (s *Server) abortCandidate(w http.ResponseWriter, r *http.Request) {
	s.changeGuest(func(g *generation) { g.abortTrial(w, r) })
}

// abortTrial ends the trial of a candidate.
func (s *generation) abortTrial(w http.ResponseWriter, r *http.Request) {
	record := requestRecord(r)
	reason := "aborted"
	if record.Reason != "" {
		reason += ": " + record.Reason
	}
	if err := s.host.AbortCandidate(reason); err != nil {
		writeJSON(w, http.StatusConflict, apiError{err.Error()})
		return
	}
	trial := s.host.Stats().Candidate
	record.Outcome, record.Offered = auditDone, trial.Guest.Digest
	s.audit.record(record)
	s.log.Info("the trial of a guest was ended", "candidate", trial.Guest.Digest, "reason", reason)
	writeJSON(w, http.StatusOK, trial)
}

// candidateOf reads the parameters of PUT /guest/candidate.
func candidateOf(query url.Values) (edge.Candidate, error) {
	c := edge.Candidate{Limits: edge.DefaultCandidateLimits(), Tenants: query["tenant"], Header: query.Get("header")}
	numbers := map[string]*float64{
		"shadow": &c.Shadow, "canary": &c.Canary,
		"failures": &c.Limits.Failures, "differences": &c.Limits.Differences, "costly": &c.Limits.Costly, "fuel": &c.Limits.Fuel, "time": &c.Limits.Time,
	}
	for name, values := range query {
		number := numbers[name]
		switch {
		case name == "tenant":
			if slices.Contains(values, "") {
				return c, errors.New("tenant: expected a schema, found an empty value")
			}
		case name == "header" && len(values) == 1:
		case number == nil || len(values) != 1:
			return c, fmt.Errorf("%.40q: expected each of shadow, canary, header, failures, differences, costly, fuel and time at most once, and any number of tenant", name)
		default:
			var err error
			if *number, err = parseShare(values[0]); err != nil {
				return c, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return c, nil
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
