package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Store has the rows of the table django_session.
type Store interface {
	// SessionData returns the columns session_data and expire_date of the row
	// whose session_key is key; found is false if there is none.
	SessionData(ctx context.Context, key string) (data string, expires time.Time, found bool, err error)
}

var (
	errStore = errors.New("session: store")
	errNoRow = errors.New("session: no such session")
)

// row reads a session that the cookie only names. The signature of a row has
// no age: expire_date tells when it ends, as in Django, also of a row that was
// read some time ago.
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

// isSessionKey reports whether Django could have made key: at least 8 (it makes
// 32) lower-case letters and digits, as long as the column at most. Nothing
// else is worth a query.
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
