package console

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/trust"
)

// session is a browser that has signed in. What it may do is asked of the Gate for each
// request, with the digest of its token.
type session struct {
	key    [sha256.Size]byte // of the cookie's value, which is not kept
	token  [sha256.Size]byte
	csrf   string // that forms must send
	began  time.Time
	seen   time.Time
	notice *notice       // for the next page
	ended  chan struct{} // closed when the session ends
}

// notice is the result of an action, which the next page shows.
type notice struct {
	Failed bool
	Text   string
}

// sessions are the sessions of a console. They end with the process.
type sessions struct {
	now func() time.Time

	mu  sync.Mutex
	all map[[sha256.Size]byte]*session
}

const (
	maxSessions = 256
	sessionIdle = time.Hour      // without a page
	sessionAge  = 12 * time.Hour // in any case
)

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[[sha256.Size]byte]*session{}}
}

// start begins a session, and returns the value of its cookie. The session that was
// seen longest ago makes room.
func (s *sessions) start(token [sha256.Size]byte) string {
	value := rand.Text() + rand.Text()
	now := s.now()
	begun := &session{key: sha256.Sum256([]byte(value)), token: token, csrf: rand.Text(), began: now, seen: now, ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	if len(s.all) >= maxSessions {
		var oldest *session
		for _, other := range s.all {
			if oldest == nil || other.seen.Before(oldest.seen) {
				oldest = other
			}
		}
		s.endLocked(oldest)
	}
	s.all[begun.key] = begun
	return value
}

// find returns the session of a cookie's value, or nil. seen says that a person sees a
// page.
func (s *sessions) find(value string, seen bool) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	found := s.all[sha256.Sum256([]byte(value))] // the digest has no timing that helps to guess the value
	if found != nil && seen {
		found.seen = s.now()
	}
	return found
}

func (s *sessions) expireLocked() {
	now := s.now()
	for _, one := range s.all {
		if now.Sub(one.seen) > sessionIdle || now.Sub(one.began) > sessionAge {
			s.endLocked(one)
		}
	}
}

// expire ends the sessions whose time is over, and those whose token valid refuses.
func (s *sessions) expire(valid func([sha256.Size]byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	for _, one := range s.all {
		if !valid(one.token) {
			s.endLocked(one)
		}
	}
}

func (s *sessions) end(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(one)
}

func (s *sessions) endLocked(one *session) {
	if s.all[one.key] == one {
		delete(s.all, one.key)
		close(one.ended)
	}
}

// notify leaves a notice for the next page.
func (s *sessions) notify(one *session, n notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.notice = &n
}

// notices takes the notice of a session, if it has one.
func (s *sessions) notices(one *session) *notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := one.notice
	one.notice = nil
	return n
}

// cookieName returns the name of the session's cookie. Over TLS its prefix makes
// browsers refuse one that another host, or a page without TLS, has set.
func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-" + trust.ConsoleCookie
	}
	return trust.ConsoleCookie
}

// cookie returns the session's cookie with a value; empty: it is removed.
func cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{Name: cookieName(r), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// sessionOf returns the session of a request, or nil. Two cookies are none: one of them
// may be from elsewhere.
func (c *Console) sessionOf(r *http.Request, seen bool) *session {
	values := r.CookiesNamed(cookieName(r))
	if len(values) != 1 {
		return nil
	}
	return c.sessions.find(values[0].Value, seen)
}
