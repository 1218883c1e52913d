package channel

import (
	"fmt"
	"strings"
)

// MaxName is the length in bytes that channels_redis allows for a name on the
// wire, including the tenant's schema and the dot.
const MaxName = 99

// checkSchema fails for a schema that cannot be part of a name on the wire. Such
// a name is the schema, a dot and the logical name. A schema contains no dot, so
// the first dot separates them, and no two tenants share a name.
func checkSchema(schema string) error {
	if schema == "" || len(schema) > 63 || !isName(schema, false) {
		return fmt.Errorf("%w: schema %q: expected 1 to 63 ASCII letters, digits, hyphens and underscores", ErrName, clip(schema))
	}
	return nil
}

// GroupName returns the name on the wire of a tenant's group. It fails with
// [ErrName] if the schema or the group is not valid.
func GroupName(schema, group string) (string, error) {
	if err := checkSchema(schema); err != nil {
		return "", err
	}
	if !isName(group, true) || len(schema)+1+len(group) > MaxName {
		return "", fmt.Errorf("%w: group %q: expected ASCII letters, digits, hyphens, underscores and dots, at most %d of them",
			ErrName, clip(group), MaxName-len(schema)-1)
	}
	return schema + "." + group, nil
}

// ChannelName is [GroupName] for a channel. A channel's name may contain one
// exclamation mark; the part before it names a process.
func ChannelName(schema, channel string) (string, error) {
	if err := checkSchema(schema); err != nil {
		return "", err
	}
	process, local, found := strings.Cut(channel, "!")
	if !isName(process, true) || found && local != "" && !isName(local, true) || len(schema)+1+len(channel) > MaxName {
		return "", fmt.Errorf("%w: channel %q: expected ASCII letters, digits, hyphens, underscores and dots, optionally ! and more of them, at most %d in all",
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

// clip bounds the length of a name in an error.
func clip(s string) string {
	if len(s) <= MaxName {
		return s
	}
	return s[:MaxName] + "…"
}
