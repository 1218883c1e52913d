package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Store reads the table django_session. postgres.Sessions is one.
type Store interface {
	// SessionData returns the columns session_data and expire_date of the row
	// whose session_key is key; found is false if there is none.
	SessionData(ctx context.Context, key string) (data string, expires time.Time, found bool, err error)
}

var (
	errStore = errors.New("session: store")
	errNoRow = errors.New("session: no such session")
)

// row reads the session of backend db whose key is in the cookie. As in Django,
// only expire_date limits its age, also for a cached row.
func (r *Reader) row(ctx context.Context, key string) (map[string]json.RawMessage, error) {
	if !isSessionKey(key) {
		return nil, errNoRow
	}
	row := r.table.row(ctx, key)
	switch {
	case row.err != nil:
		return nil, fmt.Errorf("%w: %w", errStore, row.err)
	case !row.found:
		return nil, errNoRow
	case !row.expires.After(r.now()):
		return nil, errExpired
	}
	payload, _, err := r.signer.unsign(row.data)
	if err != nil {
		return nil, err
	}
	return r.payloads.decode(payload)
}

// isSessionKey reports whether Django may have generated key, so that a query is
// worthwhile: 8 to 40 lower-case letters and digits. Django generates 32, requires
// 8 and stores 40.
func isSessionKey(key string) bool {
	if len(key) < 8 || len(key) > 40 {
		return false
	}
	for i := range len(key) {
		if c := key[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
