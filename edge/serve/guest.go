package serve

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
)

// maxGuestBytes is the largest module that PUT /guest takes, in bytes.
const maxGuestBytes = instance.MaxModule

// guestRoutes adds the routes that show and swap the guest, for the tokens of g. The
// guest decides for all tenants, so there are no such routes without an admin token.
func (s *Server) guestRoutes(g *generation, mux *http.ServeMux) {
	if len(g.options.AdminTokens) > 0 {
		s.guestRoutesFor(mux, func(role string, next http.HandlerFunc) http.HandlerFunc { return s.authorized(g, role, next) })
	}
}

// GuestHandler serves the paths of the admin listener that show, swap and try guests,
// /guest and those below it, without asking for a token: the caller decides who may
// do that.
func (s *Server) GuestHandler() http.Handler {
	mux := http.NewServeMux()
	s.guestRoutesFor(mux, func(_ string, next http.HandlerFunc) http.HandlerFunc { return next })
	return mux
}

// guestRoutesFor adds the routes with handlers that authorized returns for the role
// that is needed.
func (s *Server) guestRoutesFor(mux *http.ServeMux, authorized func(role string, next http.HandlerFunc) http.HandlerFunc) {
	mux.HandleFunc("GET /guest", authorized(config.RoleRead, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.now().host.Stats())
	}))
	mux.HandleFunc("PUT /guest", authorized(config.RoleOperate, s.unlessFleet(s.putGuest)))
	mux.HandleFunc("POST /guest/rollback", authorized(config.RoleOperate, s.unlessFleet(func(w http.ResponseWriter, r *http.Request) {
		s.changeGuestFor(w, r, func(g *generation) {
			report, err := g.rollBackGuest(r.Context(), requestRecord(r))
			answerSwap(w, report, err)
		})
	})))
	s.shelfRoutes(mux, authorized)
	s.candidateRoutes(mux, authorized)
}

// logSwap logs done or refused, and returns err.
func (s *generation) logSwap(r edge.Report, err error, done, refused string) error {
	switch {
	case errors.Is(err, edge.ErrNoPrevious), errors.Is(err, edge.ErrNoCandidate):
	case err != nil:
		s.log.Error(refused, "error", err)
	case !r.Unchanged:
		s.swappedIn(done, r)
	}
	return err
}

// putGuest swaps in the guest that is the request's body.
func (s *Server) putGuest(w http.ResponseWriter, r *http.Request) {
	guest, ok := s.acceptGuest(w, r)
	if !ok {
		return
	}
	s.changeGuestFor(w, r, func(g *generation) {
		report, err := g.swapGuest(r.Context(), requestRecord(r), guest)
		answerSwap(w, report, err)
	})
}

// swapGuest swaps in a guest, and records that.
func (s *generation) swapGuest(ctx context.Context, record auditRecord, guest signedGuest) (edge.Report, error) {
	report, err := s.swapIn(ctx, guest)
	s.auditSwap(record, guest, report, err)
	return report, s.logSwap(report, err, "the guest was swapped", "a guest was refused; the previous one keeps running")
}

// rollBackGuest returns to the previous guest, and records that.
func (s *generation) rollBackGuest(ctx context.Context, record auditRecord) (edge.Report, error) {
	report, guest, err := s.rollBack(ctx)
	s.auditSwap(record, guest, report, err)
	return report, s.logSwap(report, err, "the guest was rolled back to the previous one", "the previous guest was refused; the current one keeps running")
}

// changeGuest calls do with the current generation, which stays the current one until
// do returns, and whose guest nothing else changes meanwhile.
func (s *Server) changeGuest(do func(*generation)) {
	s.changing.Lock()
	defer s.changing.Unlock()
	do(s.now())
}

// changeGuestFor is changeGuest for a request. Its token may have been removed since it
// was authorized, for example while it sent a guest: then it changes nothing.
func (s *Server) changeGuestFor(w http.ResponseWriter, r *http.Request, do func(*generation)) {
	s.changeGuest(func(g *generation) {
		if callerOf(r.Context()) != "" {
			if token := tokenOf(r, g.options.AdminTokens); token == nil || token.role != config.RoleOperate {
				s.deny(w, r, http.StatusUnauthorized, auditUnauthorized, "expected an admin token with the role operate, found one that a reload of the configuration has just removed or changed")
				return
			}
		}
		do(g)
	})
}

// acceptGuest returns the guest of a request, which its body has, or which was pushed
// before. Its signature must be verified again by swapIn, since the keys may have
// changed since. It answers a request whose guest it refuses, and returns false.
func (s *Server) acceptGuest(w http.ResponseWriter, r *http.Request) (guest signedGuest, ok bool) {
	var status int
	var err error
	if digest := r.URL.Query().Get(digestParameter); digest != "" {
		guest, status, err = s.shelved(digest)
	} else {
		guest, status, err = s.receiveGuest(w, r)
	}
	if err != nil {
		closeUnread(w, r)
		s.refuseGuest(requestRecord(r), guest, err)
		writeJSON(w, status, apiError{err.Error()})
	}
	return guest, err == nil
}

// refuseGuest logs and records that a guest was refused before it was tried.
func (s *Server) refuseGuest(record auditRecord, guest signedGuest, err error) {
	s.log.Error("a guest was refused; the previous one keeps running", "error", err)
	s.now().auditSwap(record, guest, edge.Report{}, err)
}

// receiveGuest reads the guest of a request and verifies its signature. With an
// error it returns the status of the answer. A signature that is not valid for any
// guest is refused before the guest is read.
func (s *Server) receiveGuest(w http.ResponseWriter, r *http.Request) (guest signedGuest, status int, err error) {
	text, err := headerSignature(r.Header)
	if err != nil {
		return guest, http.StatusBadRequest, err
	}
	signatures := s.now().signatures
	if err := signatures.check(text); err != nil {
		return guest, http.StatusUnprocessableEntity, err
	}
	if r.ContentLength > maxGuestBytes {
		return guest, http.StatusRequestEntityTooLarge, instance.ErrModuleSize
	}
	wasm, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGuestBytes))
	if pace.Slow(w) {
		return guest, http.StatusRequestTimeout, errors.New("the guest was sent too slowly; see limits.body_timeout and limits.min_rate")
	}
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			err = instance.ErrModuleSize
		}
		return guest, http.StatusRequestEntityTooLarge, fmt.Errorf("the guest cannot be read: %w", err)
	}
	guest, err = signatures.verify(wasm, text)
	if err != nil {
		guest.wasm = wasm // whose digest is recorded
	}
	return guest, http.StatusUnprocessableEntity, err
}

// signatureHeader has the signature of the guest in the body: the content of its
// file in base64, since it has several lines.
const signatureHeader = "Tenantedge-Signature"

// headerSignature returns the signature of a request; empty: it has none.
func headerSignature(h http.Header) ([]byte, error) {
	fields := h.Values(signatureHeader)
	if len(fields) == 0 {
		return nil, nil
	}
	if len(fields) > 1 {
		return nil, fmt.Errorf("expected one header %s, found %d; send one", signatureHeader, len(fields))
	}
	text, err := base64.StdEncoding.Strict().DecodeString(fields[0])
	if err != nil || len(text) == 0 {
		return nil, fmt.Errorf("expected the signature's file in base64 in the header %s, found other text; encode it with `base64 -w0`", signatureHeader)
	}
	return text, nil
}

// apiError is the body of the answer to a request that failed.
type apiError struct {
	Error string `json:"error"`
}

// answerSwap answers a request to swap the guest.
func answerSwap(w http.ResponseWriter, r edge.Report, err error) {
	switch {
	case errors.Is(err, edge.ErrNoPrevious), errors.Is(err, edge.ErrNoCandidate):
		writeJSON(w, http.StatusConflict, apiError{err.Error()})
	case err != nil:
		writeJSON(w, http.StatusUnprocessableEntity, apiError{err.Error()})
	default:
		writeJSON(w, http.StatusOK, r)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have disconnected
}
