package session

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// mostBytes bounds a session's JSON. Cookies end at 4 kB; rows have no bound
// of their own, and a few bytes can inflate to gigabytes.
const mostBytes = 1 << 20

var errPickled = errors.New("session: pickled")

// payloads decodes the contents of sessions. It keeps inflaters: making one
// costs 40 kB, ten times what the rest of a session does.
type payloads struct{ inflaters sync.Pool } // of io.ReadCloser that are zlib.Resetter

// decode reads a payload whose signature is good: URL-safe base64 of JSON, or
// "." and the same of zlib's output.
func (p *payloads) decode(payload string) (map[string]json.RawMessage, error) {
	text, compressed := strings.CutPrefix(payload, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("session: payload: %w", err)
	}
	if compressed {
		if raw, err = p.inflate(raw); err != nil {
			return nil, fmt.Errorf("session: payload: %w", err)
		}
	}
	if len(raw) > mostBytes {
		return nil, fmt.Errorf("session: payload: expected at most %d bytes, found more", mostBytes)
	}
	if isPickle(raw) {
		return nil, errPickled
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, unreadable(err)
	}
	if data == nil {
		return nil, errors.New("session: expected a JSON object, found null")
	}
	return data, nil
}

func (p *payloads) inflate(b []byte) ([]byte, error) {
	z, _ := p.inflaters.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(bytes.NewReader(b))
	} else {
		err = z.(zlib.Resetter).Reset(bytes.NewReader(b), nil)
	}
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, mostBytes+1))
	p.inflaters.Put(z)
	return out, err
}

// isPickle knows pickles by their first byte: PROTO in protocols 2 and up,
// MARK or EMPTY_DICT in the older ones. No JSON object starts like that.
func isPickle(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == 0x80 || raw[0] == '(' || raw[0] == '}')
}

// unreadable says where the JSON fails, and nothing of what is in it: a session
// is private.
func unreadable(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("session: expected a JSON object, found an error at byte %d", syntax.Offset)
	}
	return errors.New("session: expected a JSON object, found another value")
}

// expiryOf is when a session ends that set_expiry gave a time of its own: a
// number of seconds after it was signed, or a date. 0 and null mean the
// default.
func expiryOf(data map[string]json.RawMessage, signed time.Time) (time.Time, bool) {
	raw, ok := data["_session_expiry"]
	if !ok {
		return time.Time{}, false
	}
	var seconds *float64
	if json.Unmarshal(raw, &seconds) == nil {
		if seconds == nil || *seconds == 0 {
			return time.Time{}, false
		}
		// Longer than a duration can hold is longer than any session.
		const longest = 200 * 365 * 24 * 3600
		return signed.Add(time.Duration(max(min(*seconds, longest), -longest) * float64(time.Second))), true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if at, ok := parseISO(text); ok {
			return at, true
		}
	}
	return time.Time{}, true // what cannot be read ended long ago
}

// parseISO reads what Python's datetime.isoformat writes; a time without zone
// is taken as UTC.
func parseISO(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
