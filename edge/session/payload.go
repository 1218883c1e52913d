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

// maxBytes limits a session's JSON. Cookies have at most 4 kB, but rows have no
// limit, and a few compressed bytes can inflate to gigabytes.
const maxBytes = 1 << 20

var errPickled = errors.New("session: pickled")

// payloads decodes sessions. It pools inflaters: one takes 40 kB, ten times as
// much as the rest of decoding a session.
type payloads struct{ inflaters sync.Pool } // of io.ReadCloser that are zlib.Resetter

// decode decodes a payload with a valid signature: URL-safe base64 of JSON, or "."
// and base64 of compressed JSON.
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
	if len(raw) > maxBytes {
		return nil, fmt.Errorf("session: payload: expected at most %d bytes, found more", maxBytes)
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
	out, err := io.ReadAll(io.LimitReader(z, maxBytes+1))
	p.inflaters.Put(z)
	return out, err
}

// isPickle reports whether raw starts as a pickle does: with PROTO in protocol 2
// and later, with MARK or EMPTY_DICT in older ones. No JSON object starts so.
func isPickle(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == 0x80 || raw[0] == '(' || raw[0] == '}')
}

// unreadable returns the position of a JSON error without any content of the
// session, which is private.
func unreadable(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("session: expected a JSON object, found an error at byte %d", syntax.Offset)
	}
	return errors.New("session: expected a JSON object, found another value")
}

// expiryOf returns the time that set_expiry gave a session: a number of seconds
// after it was signed, or a date. ok is false if there is none, or if it is 0 or
// null, which mean the default.
func expiryOf(data map[string]json.RawMessage, signed time.Time) (expiry time.Time, ok bool) {
	raw, found := data["_session_expiry"]
	if !found {
		return time.Time{}, false
	}
	var seconds *float64
	if json.Unmarshal(raw, &seconds) == nil {
		if seconds == nil || *seconds == 0 {
			return time.Time{}, false
		}
		// A Duration holds at most 292 years.
		const longest = 200 * 365 * 24 * 3600
		return signed.Add(time.Duration(max(min(*seconds, longest), -longest) * float64(time.Second))), true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if at, ok := parseISO(text); ok {
			return at, true
		}
	}
	return time.Time{}, true // an unreadable expiry counts as expired
}

// parseISO parses the output of Python's datetime.isoformat. A time without zone
// is UTC.
func parseISO(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
