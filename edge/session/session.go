// Package session reads the sessions of a Django project, so that the edge can
// route by what stands in them (PGSCHEMAS_TENANT_SESSION_KEY).
//
//	r, err := session.New(session.Config{Keys: []session.Key{session.NewKey(secretKey)}})
//	…
//	edge.New(ctx, edge.Config{Routers: []string{edge.RouteSession}, Sessions: r})
//
// It reads two of Django's backends: signed_cookies, and db (cached_db writes
// the same rows). Both hold the format of django.core.signing as it is since
// Django 3.1: URL-safe base64 of JSON, compressed if that is shorter, then a
// time, then an HMAC-SHA256 under a key derived from SECRET_KEY. Nothing of a
// session is looked at before its signature is found good. Pickled sessions
// are never unpickled: they count as no session.
package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge"
)

// Config says how sessions are read. Keys is needed; the zero value of all
// other fields is what Django does by default.
type Config struct {
	// Keys are SECRET_KEY and, after it, SECRET_KEY_FALLBACKS.
	Keys []Key
	// Store has the rows of backend db. nil: backend signed_cookies.
	Store Store

	// CacheAge is how old a row may be that answers while Store does not. A
	// store that answers is asked for every request, so a logout holds for the
	// next one; while it does not answer, a logout holds after CacheAge at the
	// latest. Default 30 s; negative: there is no cache.
	CacheAge time.Duration

	CookieName string        // SESSION_COOKIE_NAME; default "sessionid"
	MaxAge     time.Duration // SESSION_COOKIE_AGE, for signed cookies; default 14 days
	Salt       string        // of a session class of your own; default: that of Django's backend
	Logger     *slog.Logger  // nil: slog.Default
}

// Salts under which Django's own session classes sign.
const (
	saltSignedCookies = "django.contrib.sessions.backends.signed_cookies"
	saltDB            = "django.contrib.sessions.SessionStore"
)

const (
	defaultMaxAge   = 14 * 24 * time.Hour
	defaultCacheAge = 30 * time.Second
)

// Reader finds the sessions of requests. It may be used by any number of
// goroutines.
type Reader struct {
	signer   signer
	payloads payloads
	table    *table // nil: backend signed_cookies
	cookie   string
	maxAge   time.Duration
	logger   *slog.Logger
	counts   counters
	now      func() time.Time
	warning  warnings
}

// New returns a Reader, or an error that says what is missing.
func New(c Config) (*Reader, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("session: expected a key, found none; give Django's SECRET_KEY")
	}
	for i, k := range c.Keys {
		if len(k.secret) == 0 {
			return nil, fmt.Errorf("session: key %d is empty; give Django's SECRET_KEY", i)
		}
	}
	r := &Reader{cookie: c.CookieName, maxAge: c.MaxAge, logger: c.Logger, now: time.Now}
	if r.cookie == "" {
		r.cookie = "sessionid"
	}
	if r.maxAge == 0 {
		r.maxAge = defaultMaxAge
	}
	if r.logger == nil {
		r.logger = slog.Default()
	}
	salt := c.Salt
	switch {
	case salt != "":
	case c.Store != nil:
		salt = saltDB
	default:
		salt = saltSignedCookies
	}
	r.signer = newSigner(salt, c.Keys)
	if c.Store != nil {
		r.table = newTable(c.Store, cmp.Or(c.CacheAge, defaultCacheAge), r.logger)
	}
	return r, nil
}

// Close ends what looks for a store that is away. The store is closed by its
// maker, after the Reader.
func (r *Reader) Close() error {
	if r.table != nil {
		r.table.outage.close()
	}
	return nil
}

// Session returns what the session of req holds, by key; nil if req has none
// that is valid now. An error means that the store did not answer within a
// second, or is known not to answer, and that the row is not in the cache.
func (r *Reader) Session(ctx context.Context, req *http.Request) (map[string]json.RawMessage, error) {
	cookie := r.cookieOf(req.Header).value
	if cookie == "" {
		r.counts.absent.Add(1)
		return nil, nil
	}
	if r.table == nil {
		return r.finish(r.signedCookie(cookie))
	}
	return r.finish(r.row(ctx, cookie))
}

// signedCookie reads a session that is the cookie itself. Django up to 5.2
// looks at the age of the signature alone, later versions at _session_expiry
// alone; both must hold here.
func (r *Reader) signedCookie(cookie string) (map[string]json.RawMessage, error) {
	payload, signed, err := r.signer.unsign(cookie)
	if err != nil {
		return nil, err
	}
	now := r.now()
	if now.Sub(signed) > r.maxAge {
		return nil, errExpired
	}
	data, err := r.payloads.decode(payload)
	if err != nil {
		return nil, err
	}
	if expiry, ok := expiryOf(data, signed); ok && !expiry.After(now) {
		return nil, errExpired
	}
	return data, nil
}

// finish counts the outcome. Whatever is wrong with a session makes it no
// session, as in Django; only a store that fails is an error.
func (r *Reader) finish(data map[string]json.RawMessage, err error) (map[string]json.RawMessage, error) {
	switch {
	case err == nil:
		r.counts.valid.Add(1)
		return data, nil
	case errors.Is(err, errStore):
		r.counts.failed.Add(1)
		return nil, err
	case errors.Is(err, errNoRow):
		r.counts.unknown.Add(1)
	case errors.Is(err, errExpired):
		r.counts.expired.Add(1)
	case errors.Is(err, errSignature):
		r.counts.forged.Add(1)
	case errors.Is(err, errPickled):
		r.counts.pickled.Add(1)
		r.warning.pickled.Do(func() {
			r.logger.Warn("sessions are pickled, which the edge never reads: set SESSION_SERIALIZER to django.contrib.sessions.serializers.JSONSerializer")
		})
	default:
		r.counts.unreadable.Add(1)
		r.warning.unreadable.Do(func() {
			r.logger.Warn("a session is signed well but is not what Django's JSONSerializer writes", "error", err)
		})
	}
	return nil, nil
}

var (
	_ edge.SessionReader  = (*Reader)(nil)
	_ edge.SessionRemover = (*Reader)(nil)
	_ edge.SessionCleaner = (*Reader)(nil)
)
