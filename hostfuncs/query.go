package hostfuncs

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// query may wait for a database: the guest that calls it holds its instance
// meanwhile. Services bound it by the request's context and a limit of their own.
// A guest gets an errno, so the log says what was wrong.
func query(c *Call, m memory, s []uint64) {
	schema, errno1 := m.argument(uint32(s[0]), uint32(s[1]), abi.MaxName)
	name, errno2 := m.argument(uint32(s[2]), uint32(s[3]), abi.MaxName)
	args, errno3 := m.argument(uint32(s[4]), uint32(s[5]), abi.MaxQueryArgs)
	out, errno4 := m.room(uint32(s[6]), uint32(s[7]))
	if e := firstOf(errno1, errno2, errno3, errno4); e != abi.OK {
		s[0] = negative(e)
		return
	}
	defer c.worked()
	rows, err := c.query(schema, name, args)
	if err != nil {
		level := slog.LevelWarn
		if c.Frozen {
			level = slog.LevelDebug // calls that warm a guest up may ask too
		}
		text := fmt.Sprintf("a query of the guest failed: %.*s: %v", maxQuoted, name, err)
		c.said.line(level, text[:min(len(text), abi.MaxLogText)])
		c.charge(costRecord)
		s[0] = negative(errnoOf(err, nil))
		return
	}
	if len(rows) <= len(out) {
		copy(out, rows)
	}
	s[0] = uint64(len(rows))
}

// maxQuoted is how much of a statement's name a line of the log quotes, in bytes.
const maxQuoted = 100

var errFrozen = errors.New("no query runs while the guest is set up, because every instance starts from that state: ask at the first request")

func (c *Call) query(schema, name, args string) ([]byte, error) {
	if c.Frozen {
		return nil, fmt.Errorf("%w: %w", abi.Denied, errFrozen)
	}
	ctx, cancel := c.bounded()
	defer cancel()
	return c.Services.Query(ctx, schema, name, []byte(args))
}
