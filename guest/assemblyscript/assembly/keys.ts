// Cache keys, path names and private files.

import { Message, reason, reply } from "./memory";
import { Text } from "./text";

/** A request for a cache key. That of a reverse key has only key. */
@final
export class KeyRequest {
  /** The reason why there is no result. */
  error: Text | null = null;

  constructor(private m: Message) {}

  get schema(): Text { return this.m.get(0); }
  get prefix(): Text { return this.m.get(1); }
  get version(): Text { return this.m.get(2); }
  get key(): Text { return this.m.get(3); }
}

const SEPARATOR = Text.of(":");
const PUBLIC = Text.of("public");

/** Returns schema:prefix:version:key, as Django's applications make cache keys. */
export function cacheKey(schema: Text, prefix: Text, version: Text, key: Text): Text {
  return Text.concat([schema.length > 0 ? schema : PUBLIC, SEPARATOR, prefix, SEPARATOR, version, SEPARATOR, key]);
}

/** Handles te_cache_key and te_reverse_key. A handler without result sets r.error. */
export function runKey(len: u32, handler: (r: KeyRequest) => Text): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const r = new KeyRequest(m);
  const key = handler(r);
  return reply(0, [r.error == null ? key : null, reason(r.error)], 2);
}

/** A request for the path and the URL of a tenant's file: the fields of abi.PathSchema. */
@final
export class PathRequest {
  constructor(private m: Message) {}

  get schema(): Text { return this.m.get(0); }
  get folder(): Text { return this.m.get(1); }
  get schemaPathname(): Text | null { return this.m.field(2); }
  get location(): Text { return this.m.get(3); }
  get baseURL(): Text { return this.m.get(4); }
  /** Null: only the bases are wanted. */
  get name(): Text | null { return this.m.field(5); }
}

/** The reply to a PathRequest: the fields of abi.PathIdentifier. */
@final
export class PathReply {
  identifier: Text | null = null;
  baseLocation: Text | null = null;
  tenantURL: Text | null = null;
  path: Text | null = null;
  url: Text | null = null;
  error: Text | null = null;
}

/** Handles te_pathname. */
export function runPathname(len: u32, handler: (q: PathRequest, p: PathReply) => void): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const p = new PathReply();
  handler(new PathRequest(m), p);
  return reply(0, [p.identifier, p.baseLocation, p.tenantURL, p.path, p.url, reason(p.error)], 6);
}

/** A request for a private file: the fields of abi.AuthSchema. */
@final
export class Access {
  constructor(private m: Message) {}

  get schema(): Text { return this.m.get(0); }
  get tenantID(): Text | null { return this.m.field(1); }
  get method(): Text { return this.m.get(2); }
  get path(): Text { return this.m.get(3); }
  /** Null: the path is not that of a file of the tenant. */
  get name(): Text | null { return this.m.field(4); }
  get host(): Text { return this.m.get(5); }
  get folder(): Text { return this.m.get(6); }
  get urlconf(): Text { return this.m.get(7); }

  /** Returns the value of header i of "authorize_headers". */
  header(i: u32): Text | null {
    return this.m.field(8 + i);
  }
}

/** The verdicts: Deny is 403, Hide is 404. */
export enum Verdict {
  Allow = 1, Deny = 2, Hide = 3,
}

/** Handles te_authorize. */
export function runAuthorize(len: u32, handler: (a: Access) => Verdict): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const verdict = handler(new Access(m));
  return reply(verdict == Verdict.Allow || verdict == Verdict.Hide ? verdict : Verdict.Deny, [], 0);
}
