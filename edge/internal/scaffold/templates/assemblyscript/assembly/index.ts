// A guest: it decides which tenant a request is for.
import { configured, Decision, DOT, MISSING, Request, runRoute, tenantByReference, Text } from "tenantedge/assembly";
export { te_abi_version, te_buffer } from "tenantedge/assembly";

export function te_configure(len: u32): u64 { return configured('{"name":"first label","version":"1"}'); }
export function te_route(len: u32): u64 { return runRoute(len, route); }

const UNKNOWN = Text.of("no tenant has the name of the host's first label");

// route finds the tenant by the first label of the host: acme.example.com is for the
// tenant acme. Requests for other hosts are refused with 404.
function route(r: Request, d: Decision): void {
  const tenant = tenantByReference(r.host.until(DOT));
  if (tenant == null) {
    d.refuse(MISSING, UNKNOWN);
    return;
  }
  d.serve(tenant, r.host);
}
