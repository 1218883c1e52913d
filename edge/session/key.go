package session

import (
	"fmt"
	"io"
	"log/slog"
)

// Key is a secret that Django signs with. Printing, formatting, marshalling or
// logging it shows a placeholder.
type Key struct{ secret []byte }

// NewKey returns the Key for SECRET_KEY, or an entry of SECRET_KEY_FALLBACKS, as it
// is in Django's settings.
func NewKey(secret string) Key { return Key{[]byte(secret)} }

const redacted = "[redacted]"

// String returns a placeholder.
func (Key) String() string { return redacted }

// Format writes a placeholder for every verb; without it, %d would print the
// bytes.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue returns a placeholder.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
