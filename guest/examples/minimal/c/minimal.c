/* The guest of examples/minimal in C: the schema is the part of the host before the
 * first dot, and cache keys have a version of the guest's.
 *
 *   clang --target=wasm32 -ffreestanding -nostdlib -O2 -mbulk-memory -Wl,--no-entry \
 *         -I ../../../c -o minimal.wasm minimal.c
 */
#include "tenantedge.h"

static void route(const te_request *r, te_decision *d) {
	te_record row;
	uint32_t err = te_tenant_by_reference(te_until(r->host, '.'), &row);
	if (err != TE_OK) {
		te_text reason = TE_TEXT("no tenant has the host's first label as its schema or id: ");
		te_append(&reason, te_error(err));
		te_refuse(d, TE_MISSING, reason);
		return;
	}
	te_serve(d, &row, r->host);
}

static void cache_key(const te_key_request *r, te_text *key, te_text *error) {
	(void)error;
	te_text version = TE_TEXT("v2-");
	te_append(&version, r->version);
	*key = te_cache_key(r->schema, r->prefix, version, r->key);
}

TE_GUEST("{\"name\":\"minimal\",\"version\":\"1\"}")
TE_ROUTE(route)
TE_CACHE_KEY(cache_key)
