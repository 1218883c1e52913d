package guest

import "github.com/tenantedge/tenantedge/guest/abi"

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

// Query runs the read-only statement that the host's configuration has under name,
// in the search_path of schema; an empty schema is public, for use before the tenant
// is known. args is a JSON array of the statement's arguments, and the result a JSON
// array of objects, valid until the call ends: package query encodes and decodes
// them. Errors of the host are an abi.Errno; the host's log has the reason.
func Query(schema, name, args string) ([]byte, error) {
	out := memory.free()
	n := query(schema, name, args, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = query(schema, name, args, out)
	}
	if n < 0 {
		return nil, abi.Errno(-n)
	}
	if n > int64(len(out)) {
		return nil, abi.Limit // the answer grew between the two calls
	}
	if free := memory.free(); len(free) > 0 && len(out) > 0 && &free[0] == &out[0] {
		memory.use(int(n))
	}
	return out[:n:n], nil
}

// Log writes a line to the host's log, which truncates it to 1,024 bytes.
func Log(level Level, text string) { logLine(int32(level), text) }

// LogAttrs writes a line with attributes to the host's log: names and values in turn,
// at most abi.MaxLogPairs pairs. The host replaces line breaks and control characters
// in them, so a value of a client cannot forge a line or an attribute.
//
//	guest.LogAttrs(guest.LevelInfo, "canary", "tenant", row.Schema, "cell", cell)
func LogAttrs(level Level, text string, attrs ...string) {
	n := (len(attrs) + 1) &^ 1 // a last name without value has an empty one
	build := func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, n)
		for i, s := range attrs {
			b.Put(i, s)
		}
		return b
	}
	b := build(memory.free())
	if !b.Fits() {
		b = build(make([]byte, b.Size()))
	}
	logAttrs(int32(level), text, b.Bytes())
}

// Now returns the time in nanoseconds since 1970-01-01 UTC, an argument of
// time.Unix. (Package time makes a guest larger.) While the guest is configured, the
// clock may be fixed.
func Now() int64 { return clock() }

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
