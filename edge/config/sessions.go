package config

import (
	"time"

	"github.com/tenantedge/tenantedge/edge/session"
)

// Sessions configures how the router session reads Django's sessions. Its fields
// correspond to the SESSION_… settings of Django.
type Sessions struct {
	// Backend is "signed_cookies" or "db"; Django's cached_db is "db" too.
	Backend    string        `key:"backend,required,one=signed_cookies|db"`
	CookieName string        `key:"cookie_name,cookie"` // SESSION_COOKIE_NAME
	CookieAge  time.Duration `key:"cookie_age,min=1"`   // SESSION_COOKIE_AGE
	Salt       string        `key:"salt,nonempty"`      // empty: that of Django's backend

	SecretKeyEnv  string   `key:"secret_key_env,env"`
	SecretKeyFile string   `key:"secret_key_file,path"`
	FallbacksEnv  []string `key:"fallbacks_env,env"`
	FallbacksFile []string `key:"fallbacks_file,path"`

	// Database holds the sessions of backend db; not set: the database of the
	// directory, if its source is postgres.
	Database
	Table string `key:"table,table"`
	// CacheAge is how long a row of backend db is used while the database fails; 0:
	// no cache.
	CacheAge time.Duration `key:"cache_age"`
	// IgnoreUnreadable is unavailable: ignore, see
	// edge.Config.IgnoreUnreadableSessions.
	IgnoreUnreadable bool `key:"unavailable,one=refuse|ignore"`
}

func (s *Sessions) decode(v value) {
	*s = Sessions{CookieName: session.DefaultCookieName, CookieAge: session.DefaultMaxAge, Table: "django_session",
		CacheAge: session.DefaultCacheAge}
	found := v.object(s)
	if found == nil {
		return
	}
	v.exactlyOne(found, "secret_key_env", "secret_key_file")
	s.Database.check(v, found)
	if s.Backend != "signed_cookies" {
		return
	}
	for _, key := range []string{"dsn", "dsn_env", "dsn_file", "table", "cache_age", "unavailable"} {
		if at, ok := found[key]; ok {
			at.fail("expected a key that applies to backend signed_cookies, found one that does not; remove it, or use backend db")
		}
	}
}

// SecretKeys reads Django's SECRET_KEY and, after it, SECRET_KEY_FALLBACKS.
// Never log them.
func (s *Sessions) SecretKeys() ([]string, error) {
	first, err := readSecret(s.SecretKeyEnv, s.SecretKeyFile)
	if err != nil {
		return nil, err
	}
	keys := []string{first}
	for _, env := range s.FallbacksEnv {
		key, err := readSecret(env, "")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	for _, file := range s.FallbacksFile {
		key, err := readSecret("", file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
