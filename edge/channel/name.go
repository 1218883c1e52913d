package channel

import (
	"fmt"
	"strings"
)

// MaxName is the length in bytes that channels_redis allows a name on the
// wire, the tenant's schema and the dot included.
const MaxName = 99

// CheckSchema reports whether a schema can be the tenant's part of names on the
// wire: ASCII letters, digits, hyphens and underscores. Names there are the
// schema, a dot, and the logical name; since a schema holds no dot, the first
// one parts them again, and no two tenants can have a name in common.
func CheckSchema(schema string) error {
	if schema == "" || len(schema) > 63 || !isName(schema, false) {
		return fmt.Errorf("%w: schema %q: expected 1 to 63 ASCII letters, digits, hyphens and underscores", ErrName, clip(schema))
	}
	return nil
}

// GroupName returns the name on the wire of a tenant's group, once both parts
// are found valid.
func GroupName(schema, group string) (string, error) {
	if err := CheckSchema(schema); err != nil {
		return "", err
	}
	if !isName(group, true) || len(schema)+1+len(group) > MaxName {
		return "", fmt.Errorf("%w: group %q: expected ASCII letters, digits, hyphens, underscores and dots, at most %d of them",
			ErrName, clip(group), MaxName-len(schema)-1)
	}
	return schema + "." + group, nil
}

// ChannelName is GroupName for a channel, whose name may have an exclamation
// mark: what stands before it names a process.
func ChannelName(schema, channel string) (string, error) {
	if err := CheckSchema(schema); err != nil {
		return "", err
	}
	process, local, found := strings.Cut(channel, "!")
	if !isName(process, true) || found && local != "" && !isName(local, true) || len(schema)+1+len(channel) > MaxName {
		return "", fmt.Errorf("%w: channel %q: expected ASCII letters, digits, hyphens, underscores and dots, then perhaps ! and more of them, at most %d in all",
			ErrName, clip(channel), MaxName-len(schema)-1)
	}
	return schema + "." + channel, nil
}

func isName(s string, dots bool) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && dots:
		default:
			return false
		}
	}
	return s != ""
}

// clip keeps a name of any length from filling an error's text.
func clip(s string) string {
	if len(s) <= MaxName {
		return s
	}
	return s[:MaxName] + "…"
}
