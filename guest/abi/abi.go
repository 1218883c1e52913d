// Package abi is the contract between a tenantedge host and its guests: the names
// that a guest exports and imports, and the layout of every message between the
// two, byte by byte. It applies to guests in any language: a guest needs no SDK,
// only linear memory and 32-bit integers. Hosts, guests and tools share this
// package, which imports only the standard library.
//
// # How a call works
//
// A guest is one WebAssembly module that exports its memory as [ExportMemory]
// and the functions below. The host instantiates it, calls `_initialize` if the
// guest exports it, checks [ExportVersion], requests a buffer with [ExportBuffer],
// configures the guest once, and then calls [ExportRoute] once per request:
//
//	te_abi_version() -> i32          the ABI version, [Version]
//	te_buffer(size i32) -> i32       address of a buffer of at least size bytes, or 0 if there is none;
//	                                 valid until the next te_buffer call
//	te_configure(len i32) -> i64     len bytes of JSON in the buffer ([Config]); replies JSON ([Configured])
//	te_route(len i32) -> i64         a route request in the buffer; replies a decision
//	te_cache_key(len i32) -> i64     optional: see [KeySchema] …; replies [KeyResult], [KeyError]
//	te_reverse_key(len i32) -> i64   optional: [KeySchema] … with the cache key as [KeyKey]; replies the same
//	te_pathname(len i32) -> i64      optional: see [PathSchema] …; replies [PathIdentifier] …
//	te_authorize(len i32) -> i64     optional: see [ExportAuthorize]; replies a verdict
//	te_self_test() -> i32            optional: 0 if the guest works
//
// A guest that handles websockets has further exports: see [ExportOpen].
//
// An i64 reply is packed: the address of the reply message in the upper 32 bits,
// its length in the lower 32. The reply may lie anywhere in memory, the buffer
// included, and must stay unchanged until the next call. If it is zero, or if the
// reply exceeds a bound (see [MaxReply]), the request fails with status 502. The
// host's defaults replace optional exports that a guest does not have. The host
// refuses a guest with a misspelled one, such as te_authorise.
//
// # Messages
//
// All messages except the JSON of te_configure have one layout. Integers are
// little-endian and unsigned, offsets count from the message's first byte:
//
//	offset  size  what
//	0       4     word: flags and small numbers; each kind of message defines its own
//	4       4     n, the number of fields
//	8+8i    4     offset of field i, 0 if the field is absent
//	12+8i   4     length of field i in bytes
//	…             the bytes of the fields, in any order; fields may share bytes
//
// A field is absent if its offset is 0, and empty if its length is 0 and its
// offset is not. For a reader, fields from n on are absent, so later versions can
// append fields; a reader ignores fields that it does not know. A message is
// malformed if one of its fields is not inside the message, after the table of
// fields.
//
// # A worked example
//
// The request GET / for the host a.io from an untrusted peer over http, for a
// guest that wants one header, which the client did not send, has 68 bytes:
//
//	00: 00 00 00 00                word: no flags
//	04: 06 00 00 00                six fields
//	08: 38 00 00 00  03 00 00 00   0 method   at 56, 3 bytes
//	10: 3b 00 00 00  04 00 00 00   1 scheme   at 59, 4 bytes
//	18: 3f 00 00 00  04 00 00 00   2 host     at 63, 4 bytes
//	20: 43 00 00 00  01 00 00 00   3 target   at 67, 1 byte
//	28: 00 00 00 00  00 00 00 00   4 session  absent
//	30: 00 00 00 00  00 00 00 00   5 header 0 absent
//	38: 47 45 54 68 74 74 70 61 2e 69 6f 2f      "GEThttpa.io/"
//
// The head has 8 + 6·8 = 56 = 0x38 bytes, the text 12. There may be unused bytes
// between them: only the offsets count.
//
// # Imports
//
// Host functions live in the module [ImportModule]; see [ImportTenantByDomain]
// and the constants after it. A guest may also import the WASI preview 1 functions
// that its toolchain links in. They give no files, no sockets and no environment,
// and only one argument, the program name "guest". Clock and randomness are real
// during requests. While the guest is initialised and configured they may be
// fixed, so a guest must not derive secrets from them then.
package abi

// Version is the version of this contract. A host rejects guests of another one.
const Version = 1

// BufferSize is the size in bytes that the host requests from te_buffer for
// requests. The host rejects a request whose message is larger. Events of
// websockets may be larger: see [MaxSocketMessage].
const BufferSize = 64 << 10

// Names of the exports. The package comment has their signatures.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	ExportVersion    = "te_abi_version"
	ExportBuffer     = "te_buffer"
	ExportConfigure  = "te_configure"
	ExportRoute      = "te_route"
	ExportCacheKey   = "te_cache_key"
	ExportReverseKey = "te_reverse_key"
	ExportPathname   = "te_pathname"
	ExportSelfTest   = "te_self_test"
)

// ImportModule is the module that the host functions are imported from.
const ImportModule = "tenantedge"

// Names of the host functions. Each pair (ptr, len) is an address and a length
// in the guest's memory; (out, cap) are the address and the size of a buffer for
// the answer. Functions with an answer return an i64: the answer's length in
// bytes, or a negated [Errno]. If the length is more than cap, nothing was
// written, and the guest may call again with a larger buffer. The errno is [Limit]
// if an argument is longer than its bound, which is [MaxName] unless stated.
const (
	// tenant_by_domain(domain, len, folder, len, out, cap i32) -> i64: the row
	// of (domain, folder), else that of (domain, ""); answers a record
	// ([RecordID] …), or NotFound. It does no I/O.
	ImportTenantByDomain = "tenant_by_domain"
	// tenant_by_reference(ref, len, out, cap i32) -> i64: the dynamic tenant
	// whose id equals ref ignoring case, or whose schema name equals ref;
	// answers a record without domain fields. It does no I/O.
	ImportTenantByReference = "tenant_by_reference"
	// primary_domain(id, len, out, cap i32) -> i64: the primary domain row of
	// the tenant with that id; answers a record. It does no I/O.
	ImportPrimaryDomain = "primary_domain"
	// query(schema, len, name, len, args, len, out, cap i32) -> i64: runs the
	// read-only statement that the configuration has under name, with args (a JSON
	// array of at most [MaxQueryArgs] bytes), in the search_path of schema;
	// answers a JSON array of objects. With an empty schema, for queries before
	// the tenant is known, the statement sees only the schema public; the errno is
	// Denied unless the configuration allows that for the statement. The host logs
	// why a query failed.
	ImportQuery = "query"
	// log(level, text, len i32): level is that of log/slog: -4 debug, 0 info,
	// 4 warning, 8 error. Text is truncated to [MaxLogText] bytes. All lines of a
	// call become one record of the host's log.
	ImportLog = "log"
	// log_attrs(level, text, len, attrs, len i32): like log, for a line with
	// attributes, which becomes a record of its own. attrs is a message of at most
	// [MaxLogAttrs] bytes, of whose fields each two are a name and a value, at most
	// [MaxLogPairs] pairs. Names are truncated to [MaxLogName] bytes, and characters
	// other than ASCII letters, digits, underscores, hyphens and dots in them are
	// replaced. Values are truncated to [MaxLogValue] bytes, and line breaks and
	// control characters in them are replaced. If attrs exceeds a bound, the record
	// has an attribute "error" instead. After [MaxLogRecords] records of a call,
	// lines and attributes become text of the call's record.
	ImportLogAttrs = "log_attrs"
	// clock() -> i64: nanoseconds since 1970-01-01 UTC.
	ImportClock = "clock"
	// random(out, len i32) -> i32: fills len (at most 65,536) bytes from the
	// host's cryptographic source; returns an [Errno].
	ImportRandom = "random"
)
