/* tenantedge.h is the SDK for guests in C99 and C++: one header, no library. It
 * is freestanding. A guest includes it in one file and names its handlers:
 *
 *   #include "tenantedge.h"
 *
 *   static void route(const te_request *r, te_decision *d) {
 *       te_record row;
 *       if (te_tenant_by_reference(te_until(r->host, '.'), &row) != TE_OK) {
 *           te_refuse(d, TE_MISSING, TE_TEXT("unknown tenant"));
 *           return;
 *       }
 *       te_serve(d, &row, r->host);
 *   }
 *
 *   TE_GUEST("{\"name\":\"mine\",\"version\":\"1\"}")
 *   TE_ROUTE(route)
 *
 *   clang --target=wasm32 -ffreestanding -nostdlib -O2 -mbulk-memory -Wl,--no-entry -o guest.wasm guest.c
 *
 * Text is UTF-8 by convention only: a client can send any bytes. Text is valid until
 * the handler returns. What a handler allocates is released then, too: the host
 * resets the memory after every call. guest/abi/abi.go is the contract.
 */
#ifndef TENANTEDGE_H
#define TENANTEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TE_EXTERN extern "C"
#else
#define TE_EXTERN extern
#endif
#define TE_FUNC static inline __attribute__((unused))
#define TE_CALLED static __attribute__((noinline, unused)) /* not inlined: it is long and has many callers */
#define TE_EXPORT(name) __attribute__((export_name(#name), visibility("default")))
#define TE_IMPORT(name) TE_EXTERN __attribute__((import_module("tenantedge"), import_name(#name)))

enum { TE_ABI_VERSION = 1, TE_MAX_REPLY = 128 << 10, TE_MAX_NAME = 1024, TE_MAX_REASON = 1024, TE_MAX_HEADERS = 32, TE_MAX_EFFECTS = 64 };

/* Results of the host functions, abi.Errno. */
enum { TE_OK, TE_NOT_FOUND, TE_FAULT, TE_INVALID, TE_DENIED, TE_LIMIT, TE_TIMEOUT, TE_UNAVAILABLE, TE_INTERNAL };

#ifndef __wasm_bulk_memory__
#error "tenantedge.h: compile with -mbulk-memory: there is no C library to copy memory"
#endif

/* ---- text ---- */

/* te_text is len bytes that are not terminated. An absent text has a null pointer. */
typedef struct te_text {
	const char *at;
	uint32_t len;
} te_text;

/* TE_TEXT is the text of a string literal. */
#define TE_TEXT(literal) te_of((literal), sizeof(literal) - 1)

TE_FUNC te_text te_of(const char *at, uint32_t len) {
	te_text t;
	t.at = at;
	t.len = len;
	return t;
}

TE_FUNC te_text te_absent(void) { return te_of(0, 0); }
TE_FUNC bool te_present(te_text t) { return t.at != 0; }

TE_FUNC bool te_equal(te_text a, te_text b) {
	if (a.len != b.len) return false;
	for (uint32_t i = 0; i < a.len; i++)
		if (a.at[i] != b.at[i]) return false;
	return true;
}

/* te_starts reports whether t starts with prefix. */
TE_FUNC bool te_starts(te_text t, te_text prefix) { return t.len >= prefix.len && te_equal(te_of(t.at, prefix.len), prefix); }

/* te_until returns the part of t before the first end, or t if there is none. */
TE_FUNC te_text te_until(te_text t, char end) {
	for (uint32_t i = 0; i < t.len; i++)
		if (t.at[i] == end) return te_of(t.at, i);
	return t;
}

/* te_sent returns t, or an empty text if t is absent. */
TE_FUNC te_text te_sent(te_text t) { return t.at ? t : TE_TEXT(""); }

TE_FUNC te_text te_truncate(te_text t, uint32_t most) { return te_of(t.at, t.len < most ? t.len : most); }

/* te_error returns an errno as text. */
TE_FUNC te_text te_error(uint32_t err) {
	switch (err) {
	case TE_OK: return TE_TEXT("tenantedge: ok");
	case TE_NOT_FOUND: return TE_TEXT("tenantedge: not found");
	case TE_FAULT: return TE_TEXT("tenantedge: address outside of memory");
	case TE_INVALID: return TE_TEXT("tenantedge: invalid argument");
	case TE_DENIED: return TE_TEXT("tenantedge: not allowed");
	case TE_LIMIT: return TE_TEXT("tenantedge: over a limit");
	case TE_TIMEOUT: return TE_TEXT("tenantedge: timed out");
	case TE_UNAVAILABLE: return TE_TEXT("tenantedge: unavailable");
	case TE_INTERNAL: return TE_TEXT("tenantedge: host failed");
	default: return TE_TEXT("tenantedge: unknown errno");
	}
}

/* ---- host functions as they are imported ---- */

TE_IMPORT(tenant_by_domain) int64_t te_host_tenant_by_domain(const char *domain, uint32_t, const char *folder, uint32_t, char *out, uint32_t cap);
TE_IMPORT(tenant_by_reference) int64_t te_host_tenant_by_reference(const char *ref, uint32_t, char *out, uint32_t cap);
TE_IMPORT(primary_domain) int64_t te_host_primary_domain(const char *id, uint32_t, char *out, uint32_t cap);
TE_IMPORT(query) int64_t te_host_query(const char *schema, uint32_t, const char *name, uint32_t, const char *args, uint32_t, char *out, uint32_t cap);
TE_IMPORT(log) void te_host_log(int32_t level, const char *text, uint32_t len);
TE_IMPORT(log_attrs) void te_host_log_attrs(int32_t level, const char *text, uint32_t len, const char *attrs, uint32_t);
TE_IMPORT(clock) int64_t te_host_clock(void);
TE_IMPORT(random) uint32_t te_host_random(char *out, uint32_t len);
TE_IMPORT(file_open) int64_t te_host_file_open(const char *name, uint32_t, uint32_t mode);
TE_IMPORT(file_read) int64_t te_host_file_read(uint32_t handle, char *out, uint32_t cap);
TE_IMPORT(file_close) int64_t te_host_file_close(uint32_t handle, char *out, uint32_t cap);

/* Levels of log lines, those of log/slog. */
enum { TE_DEBUG = -4, TE_INFO = 0, TE_WARN = 4, TE_ERROR = 8 };

/* te_log writes a line to the host's log, which truncates it to 1,024 bytes. */
TE_FUNC void te_log(int32_t level, te_text line) { te_host_log(level, line.at, line.len); }

/* te_now returns nanoseconds since 1970-01-01 UTC. The clock is fixed while the
 * guest is configured. */
TE_FUNC int64_t te_now(void) { return te_host_clock(); }

/* te_random fills out from the host's cryptographic source. Bytes drawn while the
 * guest is configured are fixed: derive no secrets from them. */
TE_FUNC uint32_t te_random(void *out, uint32_t len) {
	for (char *at = (char *)out; len > 0;) {
		uint32_t part = len < 65536 ? len : 65536, err = te_host_random(at, part);
		if (err != TE_OK) return err;
		at += part;
		len -= part;
	}
	return TE_OK;
}

/* TE_PANIC logs a message with its file and line, and fails the call. */
#define TE_PANIC(message) te_panic(TE_TEXT("panic: " message " at " __FILE__ ":" TE_QUOTE(__LINE__)))
#define TE_QUOTE(x) TE_QUOTE1(x)
#define TE_QUOTE1(x) #x
__attribute__((noreturn)) TE_FUNC void te_panic(te_text line) {
	te_log(TE_ERROR, line);
	__builtin_trap();
}

/* ---- memory ---- */

/* The memory of a call starts at the linker's __heap_base: room for the head of a
 * reply, the message of the host, and then what the call allocates. A reply starts
 * before the message, so that its fields can point to all of these. */
enum { TE_HEAD = 8 + 8 * (3 + 2 * TE_MAX_EFFECTS), TE_MAX_BUFFER = 64 << 20 };
TE_EXTERN unsigned char __heap_base;
static struct {
	char *message; /* the buffer of te_buffer */
	uint32_t size, length;
	uintptr_t used; /* end of what is in use */
	uintptr_t kept; /* end of what the configuration allocated, 0 if nothing */
} te_memory;

/* te_reserve makes the memory reach end. */
TE_FUNC bool te_reserve(uint64_t end) {
	uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
	return end <= have || (end <= UINT32_MAX && __builtin_wasm_memory_grow(0, (size_t)((end - have + 65535) >> 16)) != (size_t)-1);
}

/* te_alloc returns n bytes, valid until the handler returns, not aligned. It fails
 * the call if there is no memory. */
TE_FUNC char *te_alloc(uint32_t n) {
	char *at = (char *)te_memory.used;
	if (!te_reserve((uint64_t)te_memory.used + n)) TE_PANIC("out of memory");
	te_memory.used += n;
	return at;
}

/* te_append appends more to *t, whose bytes it moves unless they were allocated last. */
TE_CALLED void te_append(te_text *t, te_text more) {
	if ((uintptr_t)t->at + t->len != te_memory.used) {
		char *moved = te_alloc(t->len);
		if (t->len) __builtin_memcpy(moved, t->at, t->len);
		t->at = moved;
	}
	char *end = te_alloc(more.len);
	if (more.len) __builtin_memcpy(end, more.at, more.len);
	t->len += more.len;
}

TE_FUNC void te_append_byte(te_text *t, uint32_t c) {
	char b = (char)c;
	te_append(t, te_of(&b, 1));
}

TE_FUNC char *te_run_buffer(uint32_t size) {
	char *message = (te_memory.kept ? (char *)te_memory.kept : (char *)&__heap_base) + TE_HEAD;
	if (size > TE_MAX_BUFFER || !te_reserve((uint64_t)(uintptr_t)message + size)) return 0;
	te_memory.message = message;
	te_memory.size = size;
	te_memory.used = (uintptr_t)message + size;
	return message;
}

/* te_begin starts a call with a message of len bytes. */
TE_FUNC bool te_begin(uint32_t len) {
	if (!te_memory.message || len > te_memory.size) return false;
	te_memory.length = len;
	te_memory.used = (uintptr_t)te_memory.message + len;
	if (te_memory.used < te_memory.kept) te_memory.used = te_memory.kept;
	return true;
}

/* ---- messages ---- */

typedef struct te_message {
	const char *at; /* checked by te_parse */
	uint32_t word, n;
} te_message;

TE_FUNC uint32_t te_load(const char *p) {
	const unsigned char *b = (const unsigned char *)p;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

TE_FUNC void te_store(char *p, uint32_t v) {
	for (int i = 0; i < 4; i++) p[i] = (char)(v >> 8 * i);
}

/* te_parse reads a message, and reports whether all of its fields are inside it. */
TE_CALLED bool te_parse(const char *at, uint32_t len, te_message *m) {
	if (len < 8) return false;
	m->at = at;
	m->word = te_load(at);
	m->n = te_load(at + 4);
	if (m->n > (len - 8) / 8) return false;
	uint32_t head = 8 + 8 * m->n;
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t offset = te_load(at + 8 + 8 * i), length = te_load(at + 12 + 8 * i);
		if (offset == 0 && length == 0) continue;
		if (offset < head || offset > len || length > len - offset) return false;
	}
	return true;
}

/* te_field returns field i of a message, absent if the message does not have it. */
TE_FUNC te_text te_field(const te_message *m, uint32_t i) {
	uint32_t offset = i < m->n ? te_load(m->at + 8 + 8 * i) : 0;
	if (offset == 0) return te_absent();
	return te_of(m->at + offset, te_load(m->at + 12 + 8 * i));
}

TE_FUNC uint64_t te_pack(const char *at, uint32_t len) { return (uint64_t)(uintptr_t)at << 32 | len; }

/* te_reply writes a message of n fields and returns it as an export does. Fields
 * stay where they are if they are in the memory of the call. */
TE_CALLED uint64_t te_reply(uint32_t word, te_text *field, uint32_t n) {
	uint32_t head = 8 + 8 * n, total = head;
	uintptr_t low = (uintptr_t)te_memory.message;
	for (uint32_t i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)field[i].at;
		if (at && !(at >= low && at <= te_memory.used && field[i].len <= te_memory.used - at)) {
			te_text copy = te_of((const char *)te_memory.used, 0);
			te_append(&copy, field[i]);
			field[i] = copy;
		}
		total += field[i].len;
	}
	char *out = te_memory.message - head;
	bool compact = te_memory.used - (uintptr_t)out > TE_MAX_REPLY + te_memory.length;
	if (compact) out = te_alloc(total);
	char *end = out + head;
	te_store(out, word);
	te_store(out + 4, n);
	for (uint32_t i = 0; i < n; i++) {
		const char *at = field[i].at;
		if (compact && at) {
			if (field[i].len) __builtin_memcpy(end, at, field[i].len);
			at = end;
			end += field[i].len;
		}
		te_store(out + 8 + 8 * i, at ? (uint32_t)(at - out) : 0);
		te_store(out + 12 + 8 * i, at ? field[i].len : 0);
	}
	return te_pack(out, compact ? total : (uint32_t)(te_memory.used - (uintptr_t)out));
}

/* te_log_attrs writes a line with n attributes, whose names and values are in turn in
 * pairs, at most 16 pairs. The host replaces line breaks and control characters in them. */
TE_FUNC void te_log_attrs(int32_t level, te_text line, const te_text *pairs, uint32_t n) {
	te_text message = te_of((const char *)te_memory.used, 0);
	uint32_t at = 8 + 16 * n;
	char word[8] = {0};
	te_store(word + 4, 2 * n);
	te_append(&message, te_of(word, 8));
	for (uint32_t i = 0; i < 2 * n; i++) {
		te_store(word, at);
		te_store(word + 4, pairs[i].len);
		te_append(&message, te_of(word, 8));
		at += pairs[i].len;
	}
	for (uint32_t i = 0; i < 2 * n; i++) te_append(&message, pairs[i]);
	te_host_log_attrs(level, line.at, line.len, message.at, message.len);
}

/* ---- tenants ---- */

/* te_record is the answer of a lookup. domain and folder are absent in that of
 * te_tenant_by_reference. */
typedef struct te_record {
	te_message message;
	te_text id, schema, domain, folder;
	bool primary, redirect_to_primary, ambiguous;
} te_record;

/* te_room returns the free memory for an answer, at least least bytes. */
TE_FUNC char *te_room(uint32_t least, uint32_t *cap) {
	if (!te_reserve((uint64_t)te_memory.used + least)) TE_PANIC("out of memory");
	uint64_t free = ((uint64_t)__builtin_wasm_memory_size(0) << 16) - te_memory.used;
	*cap = free < 0x7fffffff ? (uint32_t)free : 0x7fffffff;
	return (char *)te_memory.used;
}

/* TE_ANSWER calls a host function with out and cap, again if there was too little
 * room, and sets *answer. It is the rest of a function that returns an errno. */
#define TE_ANSWER(answer, call) \
	uint32_t cap; \
	char *out = te_room(4096, &cap); \
	int64_t n = (call); \
	if (n > (int64_t)cap && n <= TE_MAX_BUFFER) { \
		out = te_room((uint32_t)n, &cap); \
		n = (call); \
	} \
	return te_answered(answer, out, n, cap)

TE_FUNC uint32_t te_answered(te_text *answer, char *out, int64_t n, uint32_t cap) {
	*answer = te_absent();
	if (n < 0) return n >= -(int64_t)UINT32_MAX ? (uint32_t)-n : TE_INTERNAL;
	if (n > (int64_t)cap) return TE_LIMIT;
	*answer = te_of(out, (uint32_t)n);
	te_memory.used += (uint32_t)n;
	return TE_OK;
}

TE_FUNC uint32_t te_find_by_domain(te_text d, te_text f, te_text *answer) {
	TE_ANSWER(answer, te_host_tenant_by_domain(d.at, d.len, f.at, f.len, out, cap));
}
TE_FUNC uint32_t te_find_by_reference(te_text ref, te_text *answer) {
	TE_ANSWER(answer, te_host_tenant_by_reference(ref.at, ref.len, out, cap));
}
TE_FUNC uint32_t te_find_primary(te_text id, te_text *answer) {
	TE_ANSWER(answer, te_host_primary_domain(id.at, id.len, out, cap));
}

TE_FUNC uint32_t te_read_record(uint32_t err, te_text answer, te_record *r) {
	if (err != TE_OK) return err;
	if (!te_parse(answer.at, answer.len, &r->message)) return TE_INTERNAL;
	r->id = te_field(&r->message, 0);
	r->schema = te_field(&r->message, 1);
	r->domain = te_field(&r->message, 2);
	r->folder = te_field(&r->message, 3);
	r->primary = r->message.word & 1;
	r->redirect_to_primary = r->message.word & 2;
	r->ambiguous = r->message.word & 4;
	return TE_OK;
}

/* The lookups return TE_OK, TE_NOT_FOUND, or another errno. te_tenant_by_domain finds
 * the domain row of (domain, folder), else that of (domain, ""). te_tenant_by_reference
 * finds the tenant with that id, ignoring case, or that schema name. te_primary_domain
 * finds the primary domain row of the tenant with that id. */
TE_FUNC uint32_t te_tenant_by_domain(te_text domain, te_text folder, te_record *r) {
	te_text answer = te_absent();
	if (domain.len > TE_MAX_NAME) return TE_NOT_FOUND;
	if (folder.len > TE_MAX_NAME) folder.len = 0;
	return te_read_record(te_find_by_domain(domain, folder, &answer), answer, r);
}
TE_FUNC uint32_t te_tenant_by_reference(te_text ref, te_record *r) {
	te_text answer = te_absent();
	if (ref.len > TE_MAX_NAME) return TE_NOT_FOUND;
	return te_read_record(te_find_by_reference(ref, &answer), answer, r);
}
TE_FUNC uint32_t te_primary_domain(te_text id, te_record *r) {
	te_text answer = te_absent();
	return te_read_record(te_find_primary(id, &answer), answer, r);
}

/* te_attribute returns an attribute of a record, a further column of the tenant's
 * row; absent if there is none. */
TE_FUNC te_text te_attribute(const te_record *r, te_text name) {
	for (uint32_t i = 4; i + 1 < r->message.n; i += 2)
		if (te_equal(te_field(&r->message, i), name)) return te_field(&r->message, i + 1);
	return te_absent();
}

/* te_query runs the read-only statement that the configuration has under name, in the
 * search_path of schema, with args, a JSON array. *rows is a JSON array of objects. An
 * empty schema is for statements with `schema: public`, before the tenant is known. */
TE_FUNC uint32_t te_query(te_text schema, te_text name, te_text args, te_text *rows) {
	TE_ANSWER(rows, te_host_query(schema.at, schema.len, name.at, name.len, args.at, args.len, out, cap));
}

/* te_read_file reads a file of the tenant that the call has found, at most most bytes.
 * It returns TE_LIMIT if the file is longer. */
TE_FUNC uint32_t te_read_file(te_text name, uint32_t most, te_text *content) {
	*content = te_absent();
	int64_t handle = te_host_file_open(name.at, name.len, 0);
	if (handle < 0) return (uint32_t)-handle;
	te_text all = te_of((const char *)te_memory.used, 0);
	uint32_t err = TE_OK;
	for (;;) {
		uint32_t cap;
		char *out = te_room(4096, &cap);
		if (cap > most - all.len + 1) cap = most - all.len + 1; /* one more, to notice a longer file */
		int64_t n = te_host_file_read((uint32_t)handle, out, cap);
		if (n <= 0 || n > (int64_t)cap) {
			if (n != 0) err = n < 0 ? (uint32_t)-n : TE_INTERNAL;
			break;
		}
		te_memory.used += (uint32_t)n;
		if ((all.len += (uint32_t)n) > most) {
			err = TE_LIMIT;
			break;
		}
	}
	te_host_file_close((uint32_t)handle, 0, 0);
	if (err == TE_OK) *content = all;
	return err;
}

/* ---- routing ---- */

typedef struct te_request {
	te_message message;
	te_text method, scheme, host, target, session; /* absent if not sent */
	bool trusted, websocket, explain;
} te_request;

/* te_header returns the value of header i of "headers" in the JSON of TE_GUEST. It is
 * absent if the client did not send it; repeated values are joined by line feeds. */
TE_FUNC te_text te_header(const te_request *r, uint32_t i) { return te_field(&r->message, 5 + i); }

/* Outcomes of a decision. The decision of a route handler is empty at first, which
 * means TE_MISSING. */
enum { TE_TENANT = 1, TE_REDIRECT = 2, TE_MISSING = 3, TE_NONE = 4, TE_BAD_REQUEST = 5, TE_CONFLICT = 6 };

/* te_decision has the fields of abi.DecSchema and the following, in their order. Absent
 * ones are not sent. */
typedef struct te_decision {
	uint32_t outcome, status;
	bool dynamic, by_session;
	te_text schema, tenant_id, domain, folder, reference, urlconf, ws_urlconf, path, location, identifier, cache_prefix, reason, route, kwargs;
	uint32_t headers;
	te_text header[2 * TE_MAX_HEADERS]; /* name, value, … */
} te_decision;

/* te_clear empties a decision. */
TE_FUNC void te_clear(te_decision *d) {
	__builtin_memset((void *)d, 0, offsetof(te_decision, header));
}

/* te_serve sets the decision to the tenant of a row that was found by the domain.
 * A handler may set d->path, which is decoded; absent, it is that of the request. */
TE_FUNC void te_serve(te_decision *d, const te_record *row, te_text domain) {
	d->outcome = TE_TENANT;
	d->status = 200;
	d->dynamic = true;
	d->schema = d->cache_prefix = d->identifier = row->schema;
	d->tenant_id = row->id;
	te_text pathname = te_attribute(row, TE_TEXT("schema_pathname"));
	if (te_present(pathname)) d->identifier = pathname.len ? pathname : te_absent();
	d->domain = te_sent(domain);
	d->folder = te_sent(row->folder);
}

/* te_refuse sets the outcome TE_MISSING, TE_BAD_REQUEST or TE_CONFLICT. The reason is one
 * sentence for the host's log. */
TE_FUNC void te_refuse(te_decision *d, uint32_t outcome, te_text reason) {
	te_clear(d);
	d->outcome = outcome;
	d->status = outcome == TE_BAD_REQUEST ? 400 : outcome == TE_CONFLICT ? 421 : 404;
	d->reason = te_truncate(reason, TE_MAX_REASON);
}

/* te_set_header sets a header of the request to the upstream. Name it in "set_headers"
 * of the JSON of TE_GUEST, so that the host removes what a client sends under the name. */
TE_FUNC void te_set_header(te_decision *d, te_text name, te_text value) {
	if (d->headers == TE_MAX_HEADERS) TE_PANIC("expected at most 32 headers");
	d->header[2 * d->headers] = name;
	d->header[2 * d->headers + 1] = value;
	d->headers++;
}

TE_FUNC uint64_t te_run_route(uint32_t len, void (*route)(const te_request *, te_decision *)) {
	te_request r;
	static te_decision d;
	if (!te_begin(len) || !te_parse(te_memory.message, len, &r.message)) return 0;
	r.method = te_field(&r.message, 0);
	r.scheme = te_field(&r.message, 1);
	r.host = te_field(&r.message, 2);
	r.target = te_field(&r.message, 3);
	r.session = te_field(&r.message, 4);
	r.trusted = r.message.word & 1;
	r.websocket = r.message.word & 2;
	r.explain = r.message.word & 4;
	te_clear(&d);
	route(&r, &d);
	if (d.outcome == 0) te_refuse(&d, TE_MISSING, te_absent());
	te_text field[14 + 2 * TE_MAX_HEADERS] = {d.schema, d.tenant_id, d.domain, d.folder, d.reference, d.urlconf, d.ws_urlconf,
	                                         d.path, d.location, d.identifier, d.cache_prefix, d.reason, d.route, d.kwargs};
	for (uint32_t i = 0; i < 2 * d.headers; i++) field[14 + i] = d.header[i];
	return te_reply(d.outcome | d.dynamic << 8 | d.by_session << 9 | d.status << 16, field, 14 + 2 * d.headers);
}

/* ---- cache keys, path names and private files ---- */

/* te_key_request is the request of a cache key; a reverse key has only key. */
typedef struct te_key_request {
	te_text schema, prefix, version, key;
} te_key_request;

/* A te_key_handler sets *key, or *error if there is none. */
typedef void (*te_key_handler)(const te_key_request *r, te_text *key, te_text *error);

/* te_cache_key returns schema:prefix:version:key, as Django's applications do. */
TE_FUNC te_text te_cache_key(te_text schema, te_text prefix, te_text version, te_text key) {
	te_text out = schema.len ? schema : TE_TEXT("public");
	te_append(&out, TE_TEXT(":"));
	te_append(&out, prefix);
	te_append(&out, TE_TEXT(":"));
	te_append(&out, version);
	te_append(&out, TE_TEXT(":"));
	te_append(&out, key);
	return out;
}

TE_FUNC uint64_t te_run_key(uint32_t len, te_key_handler handler) {
	te_message m;
	if (!te_begin(len) || !te_parse(te_memory.message, len, &m)) return 0;
	te_key_request r = {te_field(&m, 0), te_field(&m, 1), te_field(&m, 2), te_field(&m, 3)};
	te_text reply[2] = {te_absent(), te_absent()};
	handler(&r, &reply[0], &reply[1]);
	if (te_present(reply[1])) {
		reply[0] = te_absent();
		reply[1] = te_truncate(reply[1], TE_MAX_REASON);
	}
	return te_reply(0, reply, 2);
}

/* te_path_request asks for the path and the URL of a tenant's file: abi.PathSchema and
 * the following. name is absent in a request for the bases only. */
typedef struct te_path_request {
	te_text schema, folder, schema_pathname, location, base_url, name;
} te_path_request;

typedef struct te_path_reply {
	te_text identifier, base_location, tenant_url, path, url, error;
} te_path_reply;

TE_FUNC uint64_t te_run_pathname(uint32_t len, void (*handler)(const te_path_request *, te_path_reply *)) {
	te_message m;
	if (!te_begin(len) || !te_parse(te_memory.message, len, &m)) return 0;
	te_path_request q = {te_field(&m, 0), te_field(&m, 1), te_field(&m, 2), te_field(&m, 3), te_field(&m, 4), te_field(&m, 5)};
	te_path_reply p = {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}};
	handler(&q, &p);
	te_text reply[6] = {p.identifier, p.base_location, p.tenant_url, p.path, p.url, te_truncate(p.error, TE_MAX_REASON)};
	return te_reply(0, reply, 6);
}

/* te_access is a request for a private file. name is absent if the path is not that of
 * a file of the tenant. */
typedef struct te_access {
	te_message message;
	te_text schema, tenant_id, method, path, name, host, folder, urlconf;
} te_access;

/* Verdicts: deny is 403, hide is 404. */
enum { TE_ALLOW = 1, TE_DENY = 2, TE_HIDE = 3 };

/* te_access_header returns the value of header i of "authorize_headers". */
TE_FUNC te_text te_access_header(const te_access *a, uint32_t i) { return te_field(&a->message, 8 + i); }

TE_FUNC uint64_t te_run_authorize(uint32_t len, uint32_t (*handler)(const te_access *)) {
	te_access a;
	if (!te_begin(len) || !te_parse(te_memory.message, len, &a.message)) return 0;
	const te_message *m = &a.message;
	a.schema = te_field(m, 0);
	a.tenant_id = te_field(m, 1);
	a.method = te_field(m, 2);
	a.path = te_field(m, 3);
	a.name = te_field(m, 4);
	a.host = te_field(m, 5);
	a.folder = te_field(m, 6);
	a.urlconf = te_field(m, 7);
	uint32_t verdict = handler(&a);
	return te_reply(verdict == TE_ALLOW || verdict == TE_HIDE ? verdict : TE_DENY, 0, 0);
}

/* ---- JSON ---- */

TE_FUNC uint32_t te_json_space(te_text t, uint32_t i) {
	while (i < t.len && (t.at[i] == ' ' || t.at[i] == '\t' || t.at[i] == '\n' || t.at[i] == '\r')) i++;
	return i;
}

/* te_json_end returns the index after the JSON value at i, 0 if it has no end. */
TE_CALLED uint32_t te_json_end(te_text t, uint32_t i) {
	for (uint32_t depth = 0; i < t.len;) {
		char c = t.at[i++];
		if (c == '"') {
			while (i < t.len && t.at[i] != '"') i += t.at[i] == '\\' ? 2 : 1;
			if (i++ >= t.len) return 0;
		} else if (c == '{' || c == '[') {
			depth++;
			continue;
		} else if (c == '}' || c == ']') {
			if (depth-- == 0) return 0;
		} else if (depth == 0) {
			while (i < t.len && t.at[i] != ',' && t.at[i] != '}' && t.at[i] != ']' && t.at[i] > ' ') i++;
		}
		if (depth == 0) return i;
	}
	return 0;
}

/* te_json_member returns the value under name in a JSON object as JSON, such as "x" with
 * its quotes; absent if there is none. The last of several counts. */
TE_FUNC te_text te_json_member(te_text object, te_text name) {
	te_text found = te_absent();
	uint32_t i = te_json_space(object, 0);
	if (i >= object.len || object.at[i] != '{') return found;
	do {
		uint32_t key = te_json_space(object, i + 1), end = key < object.len && object.at[key] == '"' ? te_json_end(object, key) : 0;
		if (!end) return found;
		i = te_json_space(object, end);
		if (i >= object.len || object.at[i] != ':') return found;
		uint32_t value = te_json_space(object, i + 1);
		if (!(i = te_json_end(object, value))) return found;
		if (te_equal(te_of(object.at + key + 1, end - key - 2), name)) found = te_of(object.at + value, i - value);
		i = te_json_space(object, i);
	} while (i < object.len && object.at[i] == ',');
	return found;
}

TE_FUNC uint32_t te_hex4(const char *p) {
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		uint32_t d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 0x10000;
		v = v << 4 | d;
	}
	return v;
}

TE_FUNC void te_append_rune(te_text *t, uint32_t r) {
	if (r < 0x80) {
		te_append_byte(t, r);
		return;
	}
	int more = r < 0x800 ? 1 : r < 0x10000 ? 2 : 3;
	te_append_byte(t, (0xf0u << (3 - more) & 0xff) | r >> 6 * more);
	while (more-- > 0) te_append_byte(t, 0x80 | (r >> 6 * more & 63));
}

/* te_json_text returns the text of a JSON string, and any other JSON value as it is. It
 * is absent if the string is malformed. */
TE_FUNC te_text te_json_text(te_text v) {
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (v.len < 2 || v.at[0] != '"') return v;
	v = te_of(v.at + 1, v.len - 2);
	if (te_until(v, '\\').len == v.len) return v;
	te_text out = te_of((const char *)te_memory.used, 0);
	for (uint32_t i = 0; i < v.len;) {
		if (v.at[i] != '\\') {
			te_append(&out, te_of(v.at + i++, 1));
			continue;
		}
		if (i + 1 >= v.len) return te_absent();
		char c = v.at[i + 1];
		if (c != 'u') {
			uint32_t k = 0;
			while (k < 8 && from[k] != c) k++;
			if (k == 8) return te_absent();
			te_append_byte(&out, (unsigned char)to[k]);
			i += 2;
			continue;
		}
		uint32_t r = i + 6 <= v.len ? te_hex4(v.at + i + 2) : 0x10000;
		if (r > 0xffff) return te_absent();
		i += 6;
		if (r >= 0xd800 && r < 0xe000) { /* a surrogate: with its other half, or U+FFFD */
			uint32_t low = r < 0xdc00 && i + 6 <= v.len && v.at[i] == '\\' && v.at[i + 1] == 'u' ? te_hex4(v.at + i + 2) : 0;
			bool pair = low >= 0xdc00 && low < 0xe000;
			r = pair ? 0x10000 + (r - 0xd800) * 0x400 + (low - 0xdc00) : 0xfffd;
			if (pair) i += 6;
		}
		te_append_rune(&out, r);
	}
	return out;
}

/* ---- messages to groups: MessagePack, as Django Channels ---- */

/* te_event is a MessagePack map with the key "type". te_event_of starts one; the
 * functions te_add_… add at most 14 further entries. */
typedef te_text te_event;

TE_FUNC void te_append_big(te_text *t, uint64_t v, int bytes) {
	while (bytes-- > 0) te_append_byte(t, (uint32_t)(v >> 8 * bytes) & 0xff);
}

TE_CALLED void te_append_packed(te_text *t, te_text s) {
	if (s.len < 32) {
		te_append_byte(t, 0xa0 | s.len);
	} else if (s.len < 256) {
		te_append_byte(t, 0xd9);
		te_append_big(t, s.len, 1);
	} else if (s.len < 65536) {
		te_append_byte(t, 0xda);
		te_append_big(t, s.len, 2);
	} else {
		te_append_byte(t, 0xdb);
		te_append_big(t, s.len, 4);
	}
	te_append(t, s);
}

TE_FUNC void te_entry(te_event *e, te_text name) {
	if ((e->at[0] & 15) == 15) TE_PANIC("expected at most 15 entries in an event");
	te_append_packed(e, name);
	((char *)e->at)[0]++;
}

TE_FUNC void te_add_text(te_event *e, te_text name, te_text value) {
	te_entry(e, name);
	te_append_packed(e, value);
}

TE_FUNC void te_add_int(te_event *e, te_text name, int64_t v) {
	te_entry(e, name);
	if (v < -32 || v > 127) te_append_byte(e, 0xd3);
	te_append_big(e, (uint64_t)v, v < -32 || v > 127 ? 8 : 1);
}

TE_FUNC te_event te_event_of(te_text type) {
	te_event e = te_of((const char *)te_memory.used, 0);
	te_append_byte(&e, 0x80);
	te_add_text(&e, TE_TEXT("type"), type);
	return e;
}

TE_FUNC uint64_t te_big(const char *p, uint32_t bytes) {
	uint64_t v = 0;
	while (bytes-- > 0) v = v << 8 | (unsigned char)*p++;
	return v;
}

/* te_pack_take returns the index after the MessagePack value at i, 0 if it is malformed.
 * For a text, *content is its bytes; for a map or list, *items is the number of values
 * after the header, which is where it ends. */
TE_CALLED uint32_t te_pack_take(te_text t, uint32_t i, te_text *content, uint64_t *items) {
	*content = te_absent();
	*items = 0;
	if (i >= t.len) return 0;
	uint32_t c = (unsigned char)t.at[i++], size = 0; /* size of the length or number */
	uint64_t n = 0;
	enum { NUMBER, TEXT, BYTES, LIST, MAP } kind = NUMBER;
	if (c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3) return i;
	if (c < 0x90) kind = MAP, n = c & 15;
	else if (c < 0xa0) kind = LIST, n = c & 15;
	else if (c < 0xc0) kind = TEXT, n = c & 31;
	else if (c >= 0xc4 && c <= 0xc6) kind = BYTES, size = 1u << (c - 0xc4);
	else if (c == 0xca || c == 0xcb) n = 4u << (c - 0xca);
	else if (c >= 0xcc && c <= 0xcf) n = 1u << (c - 0xcc);
	else if (c >= 0xd0 && c <= 0xd3) n = 1u << (c - 0xd0);
	else if (c >= 0xd9 && c <= 0xdb) kind = TEXT, size = 1u << (c - 0xd9);
	else if (c == 0xdc || c == 0xdd) kind = LIST, size = 2u << (c - 0xdc);
	else if (c == 0xde || c == 0xdf) kind = MAP, size = 2u << (c - 0xde);
	else return 0;
	if (size > t.len - i) return 0;
	if (size) n = te_big(t.at + i, size);
	i += size;
	if (kind == LIST || kind == MAP) {
		*items = kind == MAP ? 2 * n : n;
		return i;
	}
	if (n > t.len - i) return 0;
	if (kind == TEXT) *content = te_of(t.at + i, (uint32_t)n);
	return i + (uint32_t)n;
}

/* te_pack_skip returns the index after the value at i, 0 if it is malformed or nested
 * deeper than the host allows. */
TE_FUNC uint32_t te_pack_skip(te_text t, uint32_t i) {
	uint64_t left[101];
	bool map[101];
	te_text content;
	int depth = 0;
	left[0] = 1;
	map[0] = false;
	for (;;) {
		while (left[depth] == 0)
			if (depth-- == 0) return i;
		bool key = map[depth] && left[depth] % 2 == 0;
		uint64_t items;
		left[depth]--;
		bool is_map = i < t.len && ((t.at[i] & 0xf0) == 0x80 || (t.at[i] & 0xfe) == 0xde);
		bool is_list = i < t.len && ((t.at[i] & 0xf0) == 0x90 || (t.at[i] & 0xfe) == 0xdc);
		if (!(i = te_pack_take(t, i, &content, &items)) || (key && !te_present(content))) return 0;
		if (!is_map && !is_list) continue;
		if (items == 0) continue;
		if (++depth > 99) return 0;
		left[depth] = items;
		map[depth] = is_map;
	}
}

/* te_find calls for each entry of an event: it returns the text under name, absent if
 * there is none, and sets *valid if e is one map with texts as keys. */
TE_CALLED te_text te_find(te_event e, te_text name, bool *valid) {
	te_text found = te_absent(), key, value;
	uint64_t items, ignored;
	*valid = false;
	if (e.len == 0 || ((e.at[0] & 0xf0) != 0x80 && (e.at[0] & 0xfe) != 0xde)) return found;
	uint32_t i = te_pack_take(e, 0, &key, &items);
	for (; i && items > 0; items -= 2) {
		uint32_t at = te_pack_take(e, i, &key, &ignored);
		if (!at || !te_present(key) || !(i = te_pack_skip(e, at))) return found;
		if (te_equal(key, name)) {
			te_pack_take(e, at, &value, &ignored);
			found = value;
		}
	}
	*valid = i && i == e.len;
	return found;
}

/* te_get_text returns the text under name in an event, absent if there is none. */
TE_FUNC te_text te_get_text(te_event e, te_text name) {
	bool valid;
	return te_find(e, name, &valid);
}

/* te_type returns the type of an event. */
TE_FUNC te_text te_type(te_event e) { return te_get_text(e, TE_TEXT("type")); }

/* ---- websockets ---- */

/* te_socket is a websocket during one event. The functions below request effects, which
 * the host executes after the event. */
typedef struct te_socket {
	te_message message;
	te_text route, schema, tenant_id, identifier, channel;
	te_text state; /* the argument of the last te_set_state, in this event or before */

	bool changed;
	uint32_t status, effects;
	te_text protocol;
	uint8_t kind[TE_MAX_EFFECTS];
	te_text field[3 + 2 * TE_MAX_EFFECTS]; /* names and data from 3 on */
} te_socket;

/* The arguments of te_open handlers: what the client sent with its handshake. */
TE_FUNC te_text te_kwargs(const te_socket *s) { return te_field(&s->message, 7); }    /* JSON object */
TE_FUNC te_text te_path(const te_socket *s) { return te_field(&s->message, 8); }      /* decoded */
TE_FUNC te_text te_protocols(const te_socket *s) { return te_field(&s->message, 9); } /* separated by line feeds */
TE_FUNC te_text te_open_header(const te_socket *s, uint32_t i) { return te_field(&s->message, 10 + i); }

/* te_kwarg returns a value of the route as text; absent if there is none. */
TE_FUNC te_text te_kwarg(const te_socket *s, te_text name) { return te_json_text(te_json_member(te_kwargs(s), name)); }

TE_FUNC void te_effect(te_socket *s, uint8_t kind, te_text name, te_text data) {
	if (s->effects == TE_MAX_EFFECTS) TE_PANIC("expected at most 64 effects");
	s->kind[s->effects] = kind;
	s->field[3 + 2 * s->effects] = name.len ? name : te_absent();
	s->field[4 + 2 * s->effects] = data;
	s->effects++;
}

TE_FUNC void te_send_text(te_socket *s, te_text text) { te_effect(s, 1, te_absent(), te_sent(text)); }
TE_FUNC void te_send_binary(te_socket *s, te_text data) { te_effect(s, 2, te_absent(), te_sent(data)); }
TE_FUNC void te_group_add(te_socket *s, te_text group) { te_effect(s, 3, group, te_absent()); }
TE_FUNC void te_group_discard(te_socket *s, te_text group) { te_effect(s, 4, group, te_absent()); }
TE_FUNC void te_group_send(te_socket *s, te_text group, te_event e) { te_effect(s, 5, group, e); }
TE_FUNC void te_channel_send(te_socket *s, te_text channel, te_event e) { te_effect(s, 6, channel, e); }
TE_FUNC void te_open_channel(te_socket *s) { te_effect(s, 9, te_absent(), te_absent()); }

/* te_set_timer calls the timer handler once after that time; 0 cancels it. */
TE_FUNC void te_set_timer(te_socket *s, uint32_t milliseconds) {
	char *data = te_alloc(4);
	te_store(data, milliseconds);
	te_effect(s, 7, te_absent(), te_of(data, 4));
}

/* te_close closes the websocket with a status code of RFC 6455; it is the last effect. */
TE_FUNC void te_close(te_socket *s, uint32_t code, te_text reason) {
	char *data = te_alloc(2);
	data[0] = (char)code;
	data[1] = (char)(code >> 8);
	te_effect(s, 8, reason, te_of(data, 2));
}

/* te_set_state sets the state of the next events, at most 4 KiB. */
TE_FUNC void te_set_state(te_socket *s, te_text state) {
	s->state = state;
	s->changed = true;
}

/* te_reject rejects a handshake with an HTTP status of 400 to 599; te_accept chooses one
 * of the subprotocols that the client offers. Both are for the open handler. */
TE_FUNC void te_reject(te_socket *s, uint32_t status) { s->status = status; }
TE_FUNC void te_accept(te_socket *s, te_text protocol) { s->protocol = protocol; }

/* te_consumer are the handlers of websockets. A null handler does nothing. Name the
 * guest a consumer in the JSON of TE_GUEST: "consumer":true. */
typedef struct te_consumer {
	void (*open)(te_socket *s);
	void (*message)(te_socket *s, te_text data, bool binary);
	void (*close)(te_socket *s, uint32_t code, te_text reason);
	void (*group)(te_socket *s, te_event e);
	void (*timer)(te_socket *s);
} te_consumer;

enum te_event_kind { TE_EVENT_OPEN, TE_EVENT_MESSAGE, TE_EVENT_CLOSE, TE_EVENT_GROUP, TE_EVENT_TIMER };

TE_FUNC uint64_t te_run_event(uint32_t len, const te_consumer *c, enum te_event_kind kind) {
	static te_socket s;
	if (!te_begin(len) || !te_parse(te_memory.message, len, &s.message)) return 0;
	const te_message *m = &s.message;
	s.route = te_field(m, 0);
	s.schema = te_field(m, 1);
	s.tenant_id = te_field(m, 2);
	s.identifier = te_field(m, 3);
	s.state = te_field(m, 4);
	s.channel = te_field(m, 5);
	s.changed = false;
	s.status = s.effects = 0;
	s.protocol = te_absent();
	te_text data = te_field(m, 6);
	bool valid;
	switch (kind) {
	case TE_EVENT_OPEN:
		if (c->open) c->open(&s);
		break;
	case TE_EVENT_MESSAGE:
		if (c->message) c->message(&s, data, m->word & 1);
		break;
	case TE_EVENT_CLOSE:
		if (c->close) c->close(&s, m->word >> 16, data);
		break;
	case TE_EVENT_GROUP:
		te_find(data, te_absent(), &valid);
		if (!valid) return 0;
		if (c->group) c->group(&s, data);
		break;
	default:
		if (c->timer) c->timer(&s);
	}
	s.field[0] = s.changed && !s.status ? te_sent(s.state) : te_absent();
	s.field[1] = s.status ? te_absent() : s.protocol;
	s.field[2] = s.effects && !s.status ? te_of((const char *)s.kind, s.effects) : te_absent();
	uint32_t n = s.status ? 1 : s.effects ? 3 + 2 * s.effects : te_present(s.protocol) ? 3 : 1;
	return te_reply(s.status << 16, s.field, n);
}

TE_FUNC uint64_t te_run_configure(uint32_t len, te_text (*handler)(te_text)) {
	if (!te_begin(len)) return 0;
	uintptr_t end = (uintptr_t)te_memory.message + te_memory.size; /* later messages are longer */
	te_memory.used = end;
	te_text reply = handler(te_of(te_memory.message, len));
	te_memory.kept = te_memory.used > end ? te_memory.used : 0;
	return te_pack(reply.at, reply.len);
}

/* ---- exports: name each at most once, at file scope ---- */

/* TE_GUEST defines the exports that every guest has. json is the reply to te_configure,
 * an abi.Configured: {"name":…, "version":…, "headers":[…], "set_headers":[…],
 * "consumer":true}. */
#define TE_GUEST(json) \
	static te_text te_configured(te_text config) { \
		(void)config; \
		return TE_TEXT(json); \
	} \
	TE_CONFIGURE(te_configured)

/* TE_CONFIGURE is TE_GUEST for a guest that reads its configuration, the JSON of an
 * abi.Config. The handler returns the JSON of an abi.Configured. What it allocates is
 * kept for all calls, but the configuration itself is overwritten: te_append copies. */
#define TE_CONFIGURE(handler) \
	TE_EXTERN uint32_t TE_EXPORT(te_abi_version) te_export_abi_version(void); \
	uint32_t te_export_abi_version(void) { return TE_ABI_VERSION; } \
	TE_EXTERN char *TE_EXPORT(te_buffer) te_export_buffer(uint32_t size); \
	char *te_export_buffer(uint32_t size) { return te_run_buffer(size); } \
	TE_EXPORTED(te_configure, te_run_configure(len, handler))

#define TE_EXPORTED(name, result) \
	TE_EXTERN uint64_t TE_EXPORT(name) name##_export(uint32_t len); \
	uint64_t name##_export(uint32_t len) { return result; }

#define TE_ROUTE(handler) TE_EXPORTED(te_route, te_run_route(len, handler))
#define TE_CACHE_KEY(handler) TE_EXPORTED(te_cache_key, te_run_key(len, handler))
#define TE_REVERSE_KEY(handler) TE_EXPORTED(te_reverse_key, te_run_key(len, handler))
#define TE_PATHNAME(handler) TE_EXPORTED(te_pathname, te_run_pathname(len, handler))
#define TE_AUTHORIZE(handler) TE_EXPORTED(te_authorize, te_run_authorize(len, handler))
/* TE_CONSUMER takes the address of a te_consumer. */
#define TE_CONSUMER(consumer) \
	TE_EXPORTED(te_ws_open, te_run_event(len, consumer, TE_EVENT_OPEN)) \
	TE_EXPORTED(te_ws_message, te_run_event(len, consumer, TE_EVENT_MESSAGE)) \
	TE_EXPORTED(te_ws_close, te_run_event(len, consumer, TE_EVENT_CLOSE)) \
	TE_EXPORTED(te_ws_group, te_run_event(len, consumer, TE_EVENT_GROUP)) \
	TE_EXPORTED(te_ws_timer, te_run_event(len, consumer, TE_EVENT_TIMER))
/* TE_SELF_TEST's handler returns 0 if the guest works. */
#define TE_SELF_TEST(handler) \
	TE_EXTERN int32_t TE_EXPORT(te_self_test) te_export_self_test(void); \
	int32_t te_export_self_test(void) { return handler(); }

#endif
