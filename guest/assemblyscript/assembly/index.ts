// SDK for guests of tenantedge in AssemblyScript. A guest exports functions of the contract
// (guest/abi/abi.go) that call the functions run… with its handlers:
//
//   import { Decision, MISSING, Request, Text, configured, runRoute, tenantByReference } from "tenantedge/assembly";
//   export { te_abi_version, te_buffer } from "tenantedge/assembly";
//
//   export function te_configure(len: u32): u64 { return configured('{"name":"mine","version":"1"}'); }
//   export function te_route(len: u32): u64 { return runRoute(len, route); }
//
//   function route(r: Request, d: Decision): void {
//     const row = tenantByReference(r.host.until(DOT));
//     if (row == null) return d.refuse(MISSING, Text.of("unknown tenant"));
//     d.serve(row, r.host);
//   }
//
// Variables do not survive a call: the host resets the memory. So nothing is freed.

export { abort } from "./abort";
export * from "./text";
export { Errno, errnoText, lastErrno, Level, log, logAttrs, now, primaryDomain, query, random, readFile, Row, tenantByDomain, tenantByReference } from "./host";
export * from "./route";
export * from "./keys";
export * from "./json";
export * from "./event";
export * from "./websocket";
export { configuration, configured, te_abi_version, te_buffer } from "./memory";
