package serve

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// digestParameter names a guest that was pushed, in place of a body.
const digestParameter = "digest"

// shelf keeps guests that were pushed to an edge without a fleet, in memory, so that
// requests can name them.
type shelf struct {
	mu    sync.Mutex
	items []shelvedGuest // the newest last
}

type shelvedGuest struct {
	fleet.Guest
	signedGuest
}

// A shelf has at most shelfGuests with shelfBytes; the oldest are removed.
const (
	shelfGuests = 16
	shelfBytes  = 2 * maxGuestBytes
)

// shelfRoutes adds the routes that keep guests and list them.
func (s *Server) shelfRoutes(mux *http.ServeMux, authorized func(role string, next http.HandlerFunc) http.HandlerFunc) {
	mux.HandleFunc("GET /guests", authorized(config.RoleRead, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.shelf.list())
	}))
	mux.HandleFunc("POST /guests", authorized(config.RoleOperate, s.unlessFleet(func(w http.ResponseWriter, r *http.Request) {
		guest, ok := s.acceptGuest(w, r)
		if !ok {
			return
		}
		s.changeGuestFor(w, r, func(*generation) {
			record := requestRecord(r)
			kept := s.shelf.add(guest, record.Who)
			record.Outcome, record.Offered, record.SignedBy = auditDone, kept.Digest, guest.keyID
			s.audit.record(record)
			writeJSON(w, http.StatusOK, kept)
		})
	})))
}

// add keeps a guest that was verified.
func (f *shelf) add(guest signedGuest, who string) fleet.Guest {
	g := fleet.Guest{Digest: instance.Digest(guest.wasm), Size: int64(len(guest.wasm)), Signed: guest.keyID != "", PushedBy: who, PushedAt: time.Now()}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items = slices.DeleteFunc(f.items, func(other shelvedGuest) bool { return other.Digest == g.Digest })
	f.items = append(f.items, shelvedGuest{g, guest})
	size := int64(0)
	for i := len(f.items) - 1; i >= 0; i-- {
		if size += f.items[i].Size; size > shelfBytes || len(f.items)-i > shelfGuests {
			f.items = slices.Delete(f.items, 0, i+1)
			break
		}
	}
	return g
}

// list returns the guests, the newest first.
func (f *shelf) list() []fleet.Guest {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]fleet.Guest, 0, len(f.items))
	for _, item := range slices.Backward(f.items) {
		list = append(list, item.Guest)
	}
	return list
}

// shelved returns the guest whose digest begins with prefix. With an error it returns
// the status of the answer.
func (s *Server) shelved(prefix string) (signedGuest, int, error) {
	if !fleet.IsDigest(prefix) {
		return signedGuest{}, http.StatusBadRequest, fmt.Errorf("expected hexadecimal digits of a digest, at least 8, found %.80q", prefix)
	}
	s.shelf.mu.Lock()
	var found []shelvedGuest
	for _, item := range s.shelf.items {
		if strings.HasPrefix(item.Digest, prefix) {
			found = append(found, item)
		}
	}
	s.shelf.mu.Unlock()
	if len(found) != 1 {
		return signedGuest{}, http.StatusNotFound, fmt.Errorf("expected the digest of one guest that was pushed to this edge since it was started, found %d with %s; push it again, or show them with `tenantedge guest list`", len(found), prefix)
	}
	return found[0].signedGuest, http.StatusOK, nil
}
