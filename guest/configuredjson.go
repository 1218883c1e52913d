package guest

import (
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// writeConfigured encodes an abi.Configured as JSON.
func writeConfigured(c *abi.Configured) []byte {
	b := []byte{'{'}
	b = appendList(b, `"headers":`, c.Headers)
	b = appendList(b, `"authorize_headers":`, c.AuthorizeHeaders)
	b = appendList(b, `"consumer_headers":`, c.ConsumerHeaders)
	b = appendList(b, `"set_headers":`, c.SetHeaders)
	if c.Consumer {
		b = append(appendComma(b), `"consumer":true`...)
	}
	if c.LookAhead {
		b = append(appendComma(b), `"look_ahead":true`...)
	}
	for _, m := range [...]struct{ key, value string }{{`"name":`, c.Name}, {`"version":`, c.Version}, {`"error":`, c.Error}} {
		if m.value == "" {
			continue
		}
		b = appendQuoted(append(appendComma(b), m.key...), m.value)
	}
	return append(b, '}')
}

// appendComma appends the comma before a member that is not the object's first.
func appendComma(b []byte) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	return b
}

// appendList appends a member with an array of strings, unless it is empty.
func appendList(b []byte, key string, list []string) []byte {
	for i, s := range list {
		if i == 0 {
			b = append(append(appendComma(b), key...), '[')
		} else {
			b = append(b, ',')
		}
		b = appendQuoted(b, s)
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendQuoted appends s as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
