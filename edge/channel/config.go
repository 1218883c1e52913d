package channel

import (
	"fmt"
	"log/slog"
)

// Config is what all layers have in common. The zero value is valid.
type Config struct {
	// MaxMessage is the length in bytes, as MessagePack, that a message may
	// have; 1 MiB if zero.
	MaxMessage int
	// MaxChannels is how many open channels a tenant may have in this
	// process; 100,000 if zero.
	MaxChannels int
	// MaxMemberships is how many memberships a tenant's channels may have in
	// this process, all groups together; 1,000,000 if zero.
	MaxMemberships int
	// Logger is told when messages are dropped, at most once a minute for each
	// tenant, and when the wire breaks and works again. Without it [Stats] tell.
	Logger *slog.Logger
}

// Complete returns c with its defaults filled in, or says what is wrong.
func (c Config) Complete() (Config, error) {
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
