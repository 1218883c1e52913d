package serve

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// candidateRoutes adds the routes that try a guest beside the one that runs.
func (s *Server) candidateRoutes(mux *http.ServeMux, authorized func(role string, next http.HandlerFunc) http.HandlerFunc) {
	mux.HandleFunc("PUT /guest/candidate", authorized(config.RoleOperate, s.unlessFleet(s.startCandidate)))
	mux.HandleFunc("DELETE /guest/candidate", authorized(config.RoleOperate, s.unlessFleet(s.abortCandidate)))
	mux.HandleFunc("POST /guest/promote", authorized(config.RoleOperate, s.unlessFleet(func(w http.ResponseWriter, r *http.Request) {
		s.changeGuestFor(w, r, func(g *generation) {
			report, err := g.promoteGuest(r.Context(), requestRecord(r))
			answerSwap(w, report, err)
		})
	})))
}

func (s *Server) startCandidate(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	query.Del(digestParameter)
	trial, err := fleet.ParseTrial(query)
	if err != nil {
		closeUnread(w, r)
		writeJSON(w, http.StatusBadRequest, apiError{err.Error()})
		return
	}
	guest, ok := s.acceptGuest(w, r)
	if !ok {
		return
	}
	s.changeGuestFor(w, r, func(g *generation) {
		began, err := g.tryGuest(r.Context(), requestRecord(r), guest, trial.Candidate(nil))
		if err != nil {
			writeJSON(w, http.StatusUnprocessableEntity, apiError{err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, began)
	})
}

// tryGuest starts the trial of a guest, and records that.
func (s *generation) tryGuest(ctx context.Context, record auditRecord, guest signedGuest, c edge.Candidate) (*stats.Candidate, error) {
	if err := s.startTrial(ctx, guest, c); err != nil {
		s.log.Error("a candidate was refused", "error", err)
		s.auditSwap(record, guest, edge.Report{}, err)
		return nil, err
	}
	began := s.host.Stats().Candidate
	record.Outcome, record.Offered, record.SignedBy = auditDone, began.Guest.Digest, guest.keyID
	s.audit.record(record)
	s.log.Info("a guest is tried beside the current one", "candidate", began.Guest.Digest, "shadow", c.Shadow, "canary", c.Canary, "tenants", c.Tenants)
	returnMemory()
	return began, nil
}

// promoteGuest makes the candidate the guest that runs, and records that.
func (s *generation) promoteGuest(ctx context.Context, record auditRecord) (edge.Report, error) {
	report, guest, err := s.promote(ctx)
	s.auditSwap(record, guest, report, err)
	return report, s.logSwap(report, err, "the candidate was promoted; it is now running", "the candidate was refused; the current guest keeps running")
}

func (s *Server) abortCandidate(w http.ResponseWriter, r *http.Request) {
	record := requestRecord(r)
	reason := "aborted"
	if record.Reason != "" {
		reason += ": " + record.Reason
	}
	s.changeGuestFor(w, r, func(g *generation) {
		ended, err := g.endTrial(record, reason)
		if err != nil {
			writeJSON(w, http.StatusConflict, apiError{err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, ended)
	})
}

// endTrial ends the trial of the candidate, and records that.
func (s *generation) endTrial(record auditRecord, reason string) (*stats.Candidate, error) {
	if err := s.host.AbortCandidate(reason); err != nil {
		return nil, err
	}
	ended := s.host.Stats().Candidate
	record.Outcome, record.Offered = auditDone, ended.Guest.Digest
	s.audit.record(record)
	s.log.Info("the trial of a guest was ended", "candidate", ended.Guest.Digest, "reason", reason)
	return ended, nil
}
