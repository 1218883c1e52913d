package hostfuncs

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// query runs a statement by Services.Query. The instance is held while it waits.
// The guest gets only an errno, so the error itself goes to the log.
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
			level = slog.LevelDebug // warm-up calls may query too
		}
		text := fmt.Sprintf("query %.*s failed: %v", maxQuoted, name, err)
		c.log.line(level, text[:min(len(text), abi.MaxLogText)])
		c.charge(costRecord)
		s[0] = negative(ErrnoOf(err, nil))
		return
	}
	if len(rows) <= len(out) {
		m.writes(uint32(s[6]), copy(out, rows))
	}
	s[0] = uint64(len(rows))
}

// maxQuoted is how much of a statement's name a log line quotes, in bytes.
const maxQuoted = 100

var errFrozen = errors.New("queries are denied while the image is built, as every instance starts from it: query during a request")

func (c *Call) query(schema, name, args string) ([]byte, error) {
	if c.Frozen {
		return nil, fmt.Errorf("%w: %w", abi.Denied, errFrozen)
	}
	ctx, cancel := c.bounded()
	defer cancel()
	return c.Services.Query(ctx, schema, name, []byte(args))
}
