// Package abi is the contract between a tenantedge host and its guests: the
// names that a guest exports and imports, and the layout of every message that
// crosses the boundary, byte by byte. It imports the standard library alone, so
// that both sides, and tools, can share it. Everything here holds for guests in
// any language; a guest needs no SDK, only linear memory and 32-bit integers.
//
// # How a call works
//
// A guest is one WebAssembly module that exports its memory as [ExportMemory]
// and the functions below. The host instantiates it (calling `_initialize` if
// there is one), checks [ExportVersion], asks for a buffer with [ExportBuffer],
// configures it once, and then calls [ExportRoute] once per request:
//
//	te_abi_version() -> i32          the ABI version, [Version]
//	te_buffer(size i32) -> i32       address of a buffer of at least size bytes, 0 to refuse;
//	                                 valid until the next te_buffer call
//	te_configure(len i32) -> i64     len bytes of JSON in the buffer ([Config]); replies JSON ([Configured])
//	te_route(len i32) -> i64         a route request in the buffer; replies a decision
//	te_cache_key(len i32) -> i64     optional: see [KeySchema] …; replies [KeyResult], [KeyError]
//	te_reverse_key(len i32) -> i64   optional: [KeySchema] … with the cache key as [KeyKey]; replies the same
//	te_pathname(len i32) -> i64      optional: see [PathSchema] …; replies [PathIdentifier] …
//	te_authorize(len i32) -> i64     optional: see [ExportAuthorize]; replies a verdict
//	te_self_test() -> i32            optional: 0 if the guest finds itself well
//
// Guests that handle websockets have further ones, see [ExportOpen].
//
// An i64 reply is packed: the address of the reply message in the upper 32 bits,
// its length in the lower 32. The reply may lie anywhere in memory, the buffer
// included, and must stay unchanged until the next call. Zero means that the
// guest has no answer; the host then treats the request as failed (502). So it
// does with a reply that exceeds a bound: see [MaxReply].
// Exports that are optional and missing fall back to the host's own defaults.
//
// # Messages
//
// All messages but the two of te_configure (JSON) have one layout. Integers are
// little-endian and unsigned, offsets count from the message's first byte:
//
//	offset  size  what
//	0       4     word: flags and small numbers, by kind of message
//	4       4     n, the number of fields
//	8+8i    4     offset of field i, 0 if the field is absent
//	12+8i   4     length of field i in bytes
//	…             the bytes that the fields point at, in any order, shared or not
//
// Absent (offset 0) and empty (length 0, offset not 0) differ. A reader takes a
// field past n as absent, so that fields can be added at the end; what a reader
// does not know it ignores. A field that points outside of the message makes
// the whole message malformed.
//
// # A worked example
//
// The request "GET / for a.io, from an untrusted peer, over http", with one
// header asked for and not sent, is 68 bytes:
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
// That is 8 + 6·8 = 56 = 0x38 bytes of head and 12 of text. The host may leave
// room between the two; only the offsets count.
//
// # Imports
//
// Host functions live in the module [ImportModule]; see [ImportTenantByDomain]
// and its neighbours. A guest may also import the WASI preview 1 functions that
// its toolchain links in; they exist, but give no files, no sockets, no
// environment, and no argument but "guest" as the program's name. Clock and randomness are real during requests;
// while the guest initialises and configures itself they may be fixed, so no
// secret may come from there.
package abi

// Version is the version of this contract. A host refuses any other.
const Version = 1

// BufferSize is the size in bytes that the host asks of te_buffer for
// requests. A larger message is refused by the host before the guest sees it;
// only for events of websockets it asks for more, see [MaxSocketMessage].
const BufferSize = 64 << 10

// Names of the exports that a guest has. The package comment gives signatures.
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
// in the guest's memory; out and cap are where the answer goes and how much
// room there is. An argument that is longer than its bound ([MaxName] where
// nothing else is said) is answered with [Limit]. Functions with an answer return an i64: its length in bytes,
// or -[Errno]. An answer longer than cap is not written; the guest may try
// again with that much room.
const (
	// tenant_by_domain(domain, len, folder, len, out, cap i32) -> i64: the row
	// of (domain, folder), else that of (domain, ""); answers a record
	// ([RecordID] …), or NotFound. Never does I/O.
	ImportTenantByDomain = "tenant_by_domain"
	// tenant_by_reference(ref, len, out, cap i32) -> i64: the dynamic tenant
	// whose id equals ref ignoring case, or whose schema name equals ref;
	// answers a record without domain fields. Never does I/O.
	ImportTenantByReference = "tenant_by_reference"
	// primary_domain(id, len, out, cap i32) -> i64: the primary domain row of
	// the tenant with that id; answers a record. Never does I/O.
	ImportPrimaryDomain = "primary_domain"
	// query(schema, len, name, len, args, len, out, cap i32) -> i64: runs the
	// read-only statement that the configuration calls name, with args (a JSON
	// array of at most [MaxQueryArgs] bytes), in the search_path of schema;
	// answers a JSON array of objects. An empty schema is for questions before
	// the tenant is known: the statement sees the schema public alone, and the
	// host answers Denied unless its configuration runs that statement there.
	// The host's log says why a query failed.
	ImportQuery = "query"
	// log(level, text, len i32): level is that of log/slog: -4 debug, 0 info,
	// 4 warning, 8 error. Text is cut at [MaxLogText] bytes; a call's lines become one record.
	ImportLog = "log"
	// clock() -> i64: nanoseconds since 1970-01-01 UTC.
	ImportClock = "clock"
	// random(out, len i32) -> i32: fills len (at most 65,536) bytes from the
	// host's cryptographic source; returns an [Errno].
	ImportRandom = "random"
)
