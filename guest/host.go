package guest

import (
	"encoding/json"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Level is how grave a line of the log is. The numbers are those of log/slog,
// which a guest had better not import: it is large.
type Level int32

// Levels.
const (
	LevelDebug Level = -4
	LevelInfo  Level = 0
	LevelWarn  Level = 4
	LevelError Level = 8
)

// QueryPublic is [Query] for questions before the tenant is known, such as which
// tenant has an API key. The statement sees the schema public alone: its
// configuration must say so by "schema: public", or the error is abi.Denied.
func QueryPublic(name string, args []any, rows any) error { return Query("", name, args, rows) }

// Query runs the read-only statement that the host's configuration calls name,
// in the search_path of schema, with args, and reads its rows, which are JSON
// objects, into rows, a pointer to a slice. Errors of the host are an
// abi.Errno; the host's log says more about them.
func Query(schema, name string, args []any, rows any) error {
	if args == nil {
		args = []any{}
	}
	encoded, err := json.Marshal(args)
	if err != nil {
		return err
	}
	out := memory.rest()
	n := query(schema, name, text(encoded), out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = query(schema, name, text(encoded), out)
	}
	if n < 0 {
		return abi.Errno(-n)
	}
	if n > int64(len(out)) {
		return abi.Limit // it grew since it was asked for
	}
	return json.Unmarshal(out[:n], rows)
}

// Log writes a line into the host's log. The host cuts it at 1,024 bytes.
func Log(level Level, text string) { logLine(int32(level), text) }

// Now is the time. While the guest is configured it may stand still.
func Now() time.Time { return time.Unix(0, clock()) }

// Random fills b from the host's cryptographic source. While the guest is
// configured, what comes may be the same each time: draw no secret then.
func Random(b []byte) error {
	for len(b) > 0 {
		part := b[:min(len(b), 1<<16)]
		if errno := abi.Errno(random(part)); errno != abi.OK {
			return errno
		}
		b = b[len(part):]
	}
	return nil
}
