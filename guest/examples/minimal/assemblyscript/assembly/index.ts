// The guest of examples/minimal in AssemblyScript: the schema is the part of the host before
// the first dot, and cache keys have a version of the guest's.
//
//   npm ci && npm run build

import {
  cacheKey, configured, Decision, DOT, errnoText, KeyRequest, lastErrno, MISSING, Request, runKey, runRoute, tenantByReference, Text,
} from "tenantedge/assembly";
export { te_abi_version, te_buffer } from "tenantedge/assembly";

export function te_configure(len: u32): u64 { return configured('{"name":"minimal","version":"1"}'); }
export function te_route(len: u32): u64 { return runRoute(len, route); }
export function te_cache_key(len: u32): u64 { return runKey(len, versioned); }

function route(r: Request, d: Decision): void {
  const row = tenantByReference(r.host.until(DOT));
  if (row == null) {
    d.refuse(MISSING, Text.of("no tenant has the host's first label as its schema or id: " + errnoText(lastErrno())));
    return;
  }
  d.serve(row, r.host);
}

const V2 = Text.of("v2-");

function versioned(r: KeyRequest): Text {
  return cacheKey(r.schema, r.prefix, Text.concat([V2, r.version]), r.key);
}
