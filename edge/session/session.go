// Package session reads the sessions of a Django project, so that the edge can
// route by a key of them (PGSCHEMAS_TENANT_SESSION_KEY).
//
//	r, err := session.New(session.Config{Keys: []session.Key{session.NewKey(secretKey)}})
//	…
//	edge.New(ctx, edge.Config{GuestConfig: abi.Config{Routers: []abi.Router{abi.BySession}}, Sessions: r})
//
// It supports the backends signed_cookies and db (cached_db writes the same
// rows). Both use the format of django.core.signing since Django 3.1: URL-safe
// base64 of JSON, compressed if that is shorter, then a time, then an HMAC-SHA256
// under a key derived from SECRET_KEY. The signature is verified before anything
// else is parsed. Pickled sessions are never unpickled; they count as no session.
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

// Config configures a Reader. Keys is required; the zero values of the other
// fields are Django's defaults.
type Config struct {
	// Keys are SECRET_KEY and, after it, SECRET_KEY_FALLBACKS.
	Keys []Key
	// Store reads the rows of backend db. nil: backend signed_cookies.
	Store Store

	// CacheAge is how long a row is used while Store fails. Otherwise every
	// request queries Store, so that a logout takes effect at the next request;
	// while Store fails, it takes effect within CacheAge. Default 30 s;
	// negative: no cache.
	CacheAge time.Duration

	CookieName string        // SESSION_COOKIE_NAME; default "sessionid"
	MaxAge     time.Duration // SESSION_COOKIE_AGE, for signed cookies; default 14 days
	Salt       string        // of a custom session class; default: that of Django's backend
	Logger     *slog.Logger  // nil: slog.Default
}

// Salts under which Django's own session classes sign.
const (
	saltSignedCookies = "django.contrib.sessions.backends.signed_cookies"
	saltDB            = "django.contrib.sessions.SessionStore"
)

// Defaults of Config. The first two are Django's.
const (
	DefaultCookieName = "sessionid"
	DefaultMaxAge     = 14 * 24 * time.Hour
	DefaultCacheAge   = 30 * time.Second
)

// Reader reads the sessions of requests. It is safe for concurrent use.
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

// New returns a Reader. It fails if a key is missing or empty.
func New(c Config) (*Reader, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("session: expected Django's SECRET_KEY in Config.Keys, found no key")
	}
	for i, k := range c.Keys {
		if len(k.secret) == 0 {
			return nil, fmt.Errorf("session: expected Django's SECRET_KEY in Config.Keys[%d], found an empty key", i)
		}
	}
	r := &Reader{cookie: cmp.Or(c.CookieName, DefaultCookieName), maxAge: cmp.Or(c.MaxAge, DefaultMaxAge), logger: c.Logger, now: time.Now}
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
		r.table = newTable(c.Store, cmp.Or(c.CacheAge, DefaultCacheAge), r.logger)
	}
	return r, nil
}

// Close stops probing an unavailable store. The caller closes the store after the
// Reader.
func (r *Reader) Close() error {
	if r.table != nil {
		r.table.outage.Close()
	}
	return nil
}

// Session returns the JSON values of the session that the Cookie of header names,
// by key, or nil if it names no valid one. An error means that the store is
// unavailable, or did not answer within a second, and that the row is not in the
// cache.
func (r *Reader) Session(ctx context.Context, header http.Header) (map[string]json.RawMessage, error) {
	cookie := r.cookieOf(header).value
	if cookie == "" {
		r.counts.absent.Add(1)
		return nil, nil
	}
	if r.table == nil {
		return r.finish(r.signedCookie(cookie))
	}
	return r.finish(r.row(ctx, cookie))
}

// signedCookie reads a session of backend signed_cookies. Django up to 5.2 checks
// only the age of the signature, later versions only _session_expiry; this checks
// both.
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

// finish counts the outcome. As in Django, an invalid session is no session; only
// a failure of the store is an error.
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
			r.logger.Warn("sessions are pickled, and the edge never unpickles them: set SESSION_SERIALIZER to django.contrib.sessions.serializers.JSONSerializer")
		})
	default:
		r.counts.unreadable.Add(1)
		r.warning.unreadable.Do(func() {
			r.logger.Warn("a session has a valid signature, but Django's JSONSerializer did not write it", "error", err)
		})
	}
	return nil, nil
}

var (
	_ edge.SessionReader  = (*Reader)(nil)
	_ edge.SessionRemover = (*Reader)(nil)
	_ edge.SessionCleaner = (*Reader)(nil)
)
