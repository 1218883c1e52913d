/* A guest in C, without an SDK: the tenant is the part of the host before the
 * first dot. It has only what a guest needs; package guest/abi documents the
 * layouts. Build it with clang and wasm-ld:
 *
 *   clang --target=wasm32 -O2 -nostdlib -fno-builtin -Wall -Wextra \
 *         -Wl,--no-entry -o subdomain.wasm subdomain.c
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("tenantedge"), import_name(#name)))

IMPORT(tenant_by_reference)
i64 tenant_by_reference(const u8 *ref, u32 len, u8 *out, u32 cap);

enum { REQ_HOST = 2, REQ_TARGET = 3 };
enum { REC_ID = 0, REC_SCHEMA = 1 };
enum { DEC_SCHEMA = 0, DEC_ID = 1, DEC_DOMAIN = 2, DEC_PATH = 7, DEC_REASON = 11, DEC_FIELDS = 12 };
enum { TENANT = 1, MISSING = 3, DYNAMIC = 1 << 8 };

/* The reply's head comes first, so that its fields can point to the request and
 * the record in place. */
static struct {
	u32 word, n;
	struct { u32 offset, length; } field[DEC_FIELDS];
	u8 request[65536];
	u8 record[65536];
} m;

struct text { const u8 *at; u32 length; };

static u32 load(const u8 *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }

/* field returns field i of a message, empty if it is absent or outside of the
 * message. */
static struct text field(const u8 *message, u32 size, u32 i) {
	struct text none = {0, 0};
	if (size < 8 || i >= load(message + 4) || size < 16 + 8 * i)
		return none;
	u32 offset = load(message + 8 + 8 * i), length = load(message + 12 + 8 * i);
	if (offset == 0 || offset > size || length > size - offset)
		return none;
	struct text found = {message + offset, length};
	return found;
}

static struct text until(struct text t, u8 end) {
	for (u32 i = 0; i < t.length; i++)
		if (t.at[i] == end)
			t.length = i;
	return t;
}

static void put(u32 i, struct text t) {
	m.field[i].offset = (u32)(t.at - (const u8 *)&m);
	m.field[i].length = t.length;
}

static u64 reply(const void *at, u32 length) { return (u64)(u32)at << 32 | length; }

EXPORT(te_abi_version) u32 te_abi_version(void) { return 1; }

EXPORT(te_buffer) u8 *te_buffer(u32 size) { return size <= sizeof m.request ? m.request : 0; }

/* This guest ignores the configuration. */
EXPORT(te_configure) u64 te_configure(u32 length) {
	static const char configured[] = "{\"name\":\"subdomain\",\"version\":\"1\"}";
	(void)length;
	return reply(configured, sizeof configured - 1);
}

EXPORT(te_route) u64 te_route(u32 length) {
	struct text host = field(m.request, length, REQ_HOST);
	struct text name = until(host, '.');

	m.n = DEC_FIELDS;
	for (u32 i = 0; i < DEC_FIELDS; i++)
		m.field[i].offset = m.field[i].length = 0;

	i64 size = tenant_by_reference(name.at, name.length, m.record, sizeof m.record);
	if (size < 0 || size > (i64)sizeof m.record) {
		static const char reason[] = "no tenant has the host's first label as its schema or id";
		m.word = MISSING | 404u << 16;
		for (u32 i = 0; i < sizeof reason - 1; i++)
			m.record[i] = (u8)reason[i];
		put(DEC_REASON, (struct text){m.record, sizeof reason - 1});
		return reply(&m, sizeof m);
	}
	m.word = TENANT | DYNAMIC | 200u << 16;
	put(DEC_SCHEMA, field(m.record, (u32)size, REC_SCHEMA));
	put(DEC_ID, field(m.record, (u32)size, REC_ID));
	put(DEC_DOMAIN, host);
	put(DEC_PATH, until(field(m.request, length, REQ_TARGET), '?'));
	return reply(&m, sizeof m);
}
