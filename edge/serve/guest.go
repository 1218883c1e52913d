package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
)

// maxGuestBytes is the largest module that PUT /guest takes, in bytes.
const maxGuestBytes = instance.MaxModule

// guestRoutes adds the routes that show and swap the guest. The guest decides for
// all tenants, so there are no such routes without an admin token.
func (s *Server) guestRoutes(mux *http.ServeMux) {
	if s.options.AdminToken == "" {
		return
	}
	mux.HandleFunc("GET /guest", s.authorized(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.host.Stats())
	}))
	mux.HandleFunc("PUT /guest", s.authorized(func(w http.ResponseWriter, r *http.Request) {
		wasm, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGuestBytes))
		if pace.Slow(w) {
			w.Header().Set("Connection", "close")
			writeJSON(w, http.StatusRequestTimeout, apiError{"the guest was sent too slowly; see limits.body_timeout and limits.min_rate"})
			return
		}
		if err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				err = instance.ErrModuleSize
			}
			s.log.Error("a guest was refused; the previous one keeps running", "error", err)
			writeJSON(w, http.StatusRequestEntityTooLarge, apiError{"the guest cannot be read: " + err.Error()})
			return
		}
		report, err := s.Swap(r.Context(), wasm)
		answerSwap(w, report, err)
	}))
	mux.HandleFunc("POST /guest/rollback", s.authorized(func(w http.ResponseWriter, r *http.Request) {
		report, err := s.Rollback(r.Context())
		answerSwap(w, report, err)
	}))
}

// Swap replaces the guest as edge.Host.Swap does, and logs the result.
func (s *Server) Swap(ctx context.Context, wasm []byte) (edge.Report, error) {
	r, err := s.host.Swap(ctx, wasm)
	return r, s.logSwap(r, err, "the guest was swapped", "a guest was refused; the previous one keeps running")
}

// Rollback returns to the previous guest as edge.Host.Rollback does, and logs the
// result.
func (s *Server) Rollback(ctx context.Context) (edge.Report, error) {
	r, err := s.host.Rollback(ctx)
	return r, s.logSwap(r, err, "the guest was rolled back to the previous one", "the previous guest was refused; the current one keeps running")
}

// logSwap logs done or refused, and returns err.
func (s *Server) logSwap(r edge.Report, err error, done, refused string) error {
	switch {
	case errors.Is(err, edge.ErrNoPrevious):
	case err != nil:
		s.log.Error(refused, "error", err)
	case !r.Unchanged:
		s.swappedIn(done, r)
	}
	return err
}

// apiError is the body of the answer to a request that failed.
type apiError struct {
	Error string `json:"error"`
}

// answerSwap answers a request to swap the guest.
func answerSwap(w http.ResponseWriter, r edge.Report, err error) {
	switch {
	case errors.Is(err, edge.ErrNoPrevious):
		writeJSON(w, http.StatusConflict, apiError{err.Error()})
	case err != nil:
		writeJSON(w, http.StatusUnprocessableEntity, apiError{err.Error()})
	default:
		writeJSON(w, http.StatusOK, r)
	}
}

// bearer returns the token of the Authorization header (RFC 6750, 2.1): the scheme
// in any case, one or more spaces, the token (RFC 9110, 11.4). It returns "" if
// there is no token or more than one such header.
func bearer(fields []string) string {
	if len(fields) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// authorized requires the admin token. It compares digests, so that the time that
// it takes does not reveal the token's length either.
func (s *Server) authorized(next http.HandlerFunc) http.HandlerFunc {
	want := sha256.Sum256([]byte(s.options.AdminToken))
	return func(w http.ResponseWriter, r *http.Request) {
		token := bearer(r.Header.Values("Authorization"))
		found := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(want[:], found[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="tenantedge"`)
			writeJSON(w, http.StatusUnauthorized, apiError{"expected the admin token as a bearer token"})
			return
		}
		next(w, r)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have disconnected
}
