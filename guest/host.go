package guest

import (
	"encoding/json"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Level is the severity of a log line. The numbers are those of log/slog, which
// would make a guest much larger.
type Level int32

// Levels.
const (
	LevelDebug Level = -4
	LevelInfo  Level = 0
	LevelWarn  Level = 4
	LevelError Level = 8
)

// QueryPublic is [Query] in the schema public, for use before the tenant is known:
// to find the tenant of an API key, say. The error is abi.Denied unless the
// statement's configuration has "schema: public".
func QueryPublic(name string, args []any, rows any) error { return Query("", name, args, rows) }

// Query runs the read-only statement that the host's configuration has under name,
// with args, in the search_path of schema. It decodes the result, a JSON array of
// objects, into rows, a pointer to a slice. Errors of the host are an abi.Errno;
// the host's log has the reason.
func Query(schema, name string, args []any, rows any) error {
	if args == nil {
		args = []any{}
	}
	encoded, err := json.Marshal(args)
	if err != nil {
		return err
	}
	out := memory.free()
	n := query(schema, name, text(encoded), out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = query(schema, name, text(encoded), out)
	}
	if n < 0 {
		return abi.Errno(-n)
	}
	if n > int64(len(out)) {
		return abi.Limit // the answer grew between the two calls
	}
	return json.Unmarshal(out[:n], rows)
}

// Log writes a line to the host's log, which truncates it to 1,024 bytes.
func Log(level Level, text string) { logLine(int32(level), text) }

// Now returns the time. While the guest is configured, the clock may be fixed.
func Now() time.Time { return time.Unix(0, clock()) }

// Random fills b from the host's cryptographic source. While the guest is
// configured, the bytes may be fixed: derive no secrets from them.
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
