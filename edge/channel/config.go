package channel

import (
	"fmt"
	"log/slog"
)

// Config is the configuration that all layers share. The zero value is valid.
type Config struct {
	// MaxMessage bounds the length of a message, in bytes as MessagePack. 0:
	// 1 MiB.
	MaxMessage int
	// MaxChannels bounds the open channels of a tenant in this process. 0:
	// 100,000.
	MaxChannels int
	// MaxMemberships bounds the memberships of a tenant's channels in this
	// process, all groups together. 0: 1,000,000.
	MaxMemberships int
	// Logger gets a line when messages are dropped, at most once a minute for
	// each tenant, and when the wire breaks and recovers. nil: no log; [Stats]
	// has the counts.
	Logger *slog.Logger
}

// complete returns c with defaults for zero fields.
func (c Config) complete() (Config, error) {
	for _, field := range []struct {
		name     string
		value    *int
		standard int
	}{
		{"MaxMessage", &c.MaxMessage, 1 << 20},
		{"MaxChannels", &c.MaxChannels, 100_000},
		{"MaxMemberships", &c.MaxMemberships, 1_000_000},
	} {
		if *field.value < 0 {
			return c, fmt.Errorf("channel: %s is %d: expected a positive number, or 0 for %d", field.name, *field.value, field.standard)
		}
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	return c, nil
}
