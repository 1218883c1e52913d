/* A guest: it decides which tenant a request is for. */
#include "tenantedge.h"

/* route finds the tenant by the first label of the host: acme.example.com is for
 * the tenant acme. Requests for other hosts are refused with 404. */
static void route(const te_request *r, te_decision *d) {
	te_text label = te_until(r->host, '.');
	te_record tenant;
	if (te_tenant_by_reference(label, &tenant) != TE_OK) {
		te_text reason = TE_TEXT("no tenant is named ");
		te_append(&reason, label);
		te_refuse(d, TE_MISSING, reason);
		return;
	}
	te_serve(d, &tenant, r->host);
}

TE_GUEST("{\"name\":\"first label\",\"version\":\"1\"}")
TE_ROUTE(route)
