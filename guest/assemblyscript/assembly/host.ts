// Host functions.

import { encode, Message } from "./memory";
import { EMPTY, Text } from "./text";

// @ts-ignore: decorator
@external("tenantedge", "tenant_by_domain")
declare function hostTenantByDomain(domain: usize, n: u32, folder: usize, m: u32, out: usize, cap: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "tenant_by_reference")
declare function hostTenantByReference(ref: usize, n: u32, out: usize, cap: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "primary_domain")
declare function hostPrimaryDomain(id: usize, n: u32, out: usize, cap: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "query")
declare function hostQuery(schema: usize, s: u32, name: usize, n: u32, args: usize, a: u32, out: usize, cap: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "log")
declare function hostLog(level: i32, text: usize, n: u32): void;
// @ts-ignore: decorator
@external("tenantedge", "log_attrs")
declare function hostLogAttrs(level: i32, text: usize, n: u32, attrs: usize, m: u32): void;
// @ts-ignore: decorator
@external("tenantedge", "clock")
declare function hostClock(): i64;
// @ts-ignore: decorator
@external("tenantedge", "random")
declare function hostRandom(out: usize, n: u32): u32;
// @ts-ignore: decorator
@external("tenantedge", "file_open")
declare function hostFileOpen(name: usize, n: u32, mode: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "file_read")
declare function hostFileRead(handle: u32, out: usize, cap: u32): i64;
// @ts-ignore: decorator
@external("tenantedge", "file_close")
declare function hostFileClose(handle: u32, out: usize, cap: u32): i64;

/** The reasons why a host function has no answer, abi.Errno. */
export enum Errno {
  OK, NotFound, Fault, Invalid, Denied, Limit, Timeout, Unavailable, Internal,
}

let errno: u32 = 0;

/** Returns the errno of the last lookup, query or file that returned null. */
export function lastErrno(): u32 {
  return errno;
}

/** Returns an errno as text. */
export function errnoText(e: u32): string {
  switch (e) {
    case Errno.OK: return "tenantedge: ok";
    case Errno.NotFound: return "tenantedge: not found";
    case Errno.Fault: return "tenantedge: address outside of memory";
    case Errno.Invalid: return "tenantedge: invalid argument";
    case Errno.Denied: return "tenantedge: not allowed";
    case Errno.Limit: return "tenantedge: over a limit";
    case Errno.Timeout: return "tenantedge: timed out";
    case Errno.Unavailable: return "tenantedge: unavailable";
    case Errno.Internal: return "tenantedge: host failed";
    default: return "tenantedge: unknown errno";
  }
}

function failed<T>(e: u32): T | null {
  errno = e;
  return null;
}

const MAX_NAME: u32 = 1024;
const MAX_ANSWER: i64 = 64 << 20;
const ROOM: u32 = 4096;

/** Returns the answer of n bytes in out, null if n is a negated errno. */
function answered(out: usize, n: i64, cap: u32): Text | null {
  if (n < 0) return failed<Text>(n > -<i64>u32.MAX_VALUE ? <u32>-n : Errno.Internal);
  if (n > <i64>cap) return failed<Text>(Errno.Limit);
  return new Text(out, <u32>n);
}

/** Reports whether an answer of n bytes did not fit, and may be asked for again. */
// @ts-ignore: decorator
@inline
function large(n: i64): bool {
  return n > <i64>ROOM && n <= MAX_ANSWER;
}

/** A tenant that a lookup found. */
@final
export class Row {
  private constructor(private m: Message) {}

  static of(answer: Text | null): Row | null {
    if (answer == null) return null;
    const m = Message.parse(answer);
    return m == null ? failed<Row>(Errno.Internal) : new Row(m);
  }

  get id(): Text { return this.m.get(0); }
  get schema(): Text { return this.m.get(1); }
  /** The domain of the row; null in a lookup by reference. */
  get domain(): Text | null { return this.m.field(2); }
  get folder(): Text { return this.m.get(3); }
  get primary(): bool { return (this.m.word & 1) != 0; }
  get redirectToPrimary(): bool { return (this.m.word & 2) != 0; }
  get ambiguous(): bool { return (this.m.word & 4) != 0; }

  /** Returns an attribute, a further column of the tenant's row; null if there is none. */
  attribute(name: Text): Text | null {
    for (let i: u32 = 4; i + 1 < this.m.n; i += 2) {
      if (this.m.get(i).equals(name)) return this.m.field(i + 1);
    }
    return null;
  }
}

/** Finds the domain row of (domain, folder), else that of (domain, ""). Null: see lastErrno. */
export function tenantByDomain(domain: Text, folder: Text): Row | null {
  if (domain.length > MAX_NAME) return failed<Row>(Errno.NotFound);
  if (folder.length > MAX_NAME) folder = EMPTY;
  let cap = ROOM, out = heap.alloc(cap);
  let n = hostTenantByDomain(domain.ptr, domain.length, folder.ptr, folder.length, out, cap);
  if (large(n)) {
    cap = <u32>n;
    out = heap.alloc(cap);
    n = hostTenantByDomain(domain.ptr, domain.length, folder.ptr, folder.length, out, cap);
  }
  return Row.of(answered(out, n, cap));
}

/** Finds the tenant with that id, ignoring case, or that schema name. Null: see lastErrno. */
export function tenantByReference(ref: Text): Row | null {
  if (ref.length > MAX_NAME) return failed<Row>(Errno.NotFound);
  let cap = ROOM, out = heap.alloc(cap);
  let n = hostTenantByReference(ref.ptr, ref.length, out, cap);
  if (large(n)) {
    cap = <u32>n;
    out = heap.alloc(cap);
    n = hostTenantByReference(ref.ptr, ref.length, out, cap);
  }
  return Row.of(answered(out, n, cap));
}

/** Finds the primary domain row of the tenant with that id. Null: see lastErrno. */
export function primaryDomain(id: Text): Row | null {
  let cap = ROOM, out = heap.alloc(cap);
  let n = hostPrimaryDomain(id.ptr, id.length, out, cap);
  if (large(n)) {
    cap = <u32>n;
    out = heap.alloc(cap);
    n = hostPrimaryDomain(id.ptr, id.length, out, cap);
  }
  return Row.of(answered(out, n, cap));
}

/**
 * Runs the read-only statement that the configuration has under name, in the search_path of
 * schema, with args, a JSON array. Returns a JSON array of objects. An empty schema is for
 * statements with `schema: public`, before the tenant is known. Null: see lastErrno.
 */
export function query(schema: Text, name: Text, args: Text): Text | null {
  let cap = ROOM, out = heap.alloc(cap);
  let n = hostQuery(schema.ptr, schema.length, name.ptr, name.length, args.ptr, args.length, out, cap);
  if (large(n)) {
    cap = <u32>n;
    out = heap.alloc(cap);
    n = hostQuery(schema.ptr, schema.length, name.ptr, name.length, args.ptr, args.length, out, cap);
  }
  return answered(out, n, cap);
}

/**
 * Reads a file of the tenant that the call has found, at most most bytes. Null: see lastErrno,
 * which is Errno.Limit if the file is longer.
 */
export function readFile(name: Text, most: u32): Text | null {
  const handle = hostFileOpen(name.ptr, name.length, 0);
  if (handle < 0) return answered(0, handle, 0);
  let size = min<u32>(ROOM, most), out = heap.alloc(size + 1), length: u32 = 0, n: i64 = 0;
  while (length <= most) {
    if (length > size) { // the byte after size is in use
      const larger = <u32>min<u64>(2 * <u64>size, most), moved = heap.alloc(larger + 1);
      memory.copy(moved, out, length);
      out = moved;
      size = larger;
    }
    const cap = size + 1 - length;
    n = hostFileRead(<u32>handle, out + length, cap);
    if (n <= 0) break;
    if (n > <i64>cap) {
      n = -<i64>Errno.Internal;
      break;
    }
    length += <u32>n;
  }
  hostFileClose(<u32>handle, 0, 0);
  if (n < 0) return answered(0, n, 0);
  return answered(out, length, most);
}

/** Levels of log lines, those of log/slog. */
export enum Level {
  Debug = -4, Info = 0, Warn = 4, Error = 8,
}

/** Writes a line to the host's log, which truncates it to 1,024 bytes. */
export function log(level: Level, line: Text): void {
  hostLog(level, line.ptr, line.length);
}

/**
 * Writes a line with attributes, names and values in turn, at most 16 pairs. The host replaces
 * line breaks and control characters in them.
 */
export function logAttrs(level: Level, line: Text, attrs: StaticArray<Text | null>): void {
  const m = encode(0, attrs, attrs.length);
  hostLogAttrs(level, line.ptr, line.length, m.ptr, m.length);
}

/** Returns nanoseconds since 1970-01-01 UTC. The clock is fixed while the guest is configured. */
export function now(): i64 {
  return hostClock();
}

/**
 * Fills an array from the host's cryptographic source, and returns an errno. While the guest
 * is configured, the bytes are fixed: derive no secrets from them.
 */
export function random(out: StaticArray<u8>): u32 {
  for (let at = 0; at < out.length; at += 65536) {
    const e = hostRandom(changetype<usize>(out) + at, min(out.length - at, 65536));
    if (e != 0) return e;
  }
  return 0;
}
