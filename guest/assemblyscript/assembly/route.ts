// Requests and decisions.

import { Row } from "./host";
import { Message, reason, reply } from "./memory";
import { Text } from "./text";

/** A request. Absent texts are empty, except where null is possible. */
@final
export class Request {
  constructor(private m: Message) {}

  get method(): Text { return this.m.get(0); }
  get scheme(): Text { return this.m.get(1); }
  get host(): Text { return this.m.get(2); }
  get hasHost(): bool { return this.m.field(2) != null; }
  /** The request-target as on the wire. */
  get target(): Text { return this.m.get(3); }
  /** The value under the session key, as JSON. */
  get session(): Text | null { return this.m.field(4); }
  /** Whether the guest may use the header that names a tenant. */
  get trusted(): bool { return (this.m.word & 1) != 0; }
  get websocket(): bool { return (this.m.word & 2) != 0; }

  /**
   * Returns the value of header i of "headers" in the JSON of configured(). Repeated values
   * are joined by line feeds.
   */
  header(i: u32): Text | null {
    return this.m.field(5 + i);
  }
}

/** The kinds of a decision, abi.Outcome. */
export const TENANT: u32 = 1;
export const REDIRECT: u32 = 2;
export const MISSING: u32 = 3;
export const NONE: u32 = 4;
export const BAD_REQUEST: u32 = 5;
export const CONFLICT: u32 = 6;

const MAX_HEADERS: u32 = 32;
const FIELDS: u32 = 14;

/**
 * A decision, MISSING at first. The fields are those of abi.DecSchema and the following; null
 * ones are not sent.
 */
@final
export class Decision {
  outcome: u32 = MISSING;
  status: u32 = 404;
  dynamic: bool = false;
  bySession: bool = false;
  schema: Text | null = null;
  tenantID: Text | null = null;
  domain: Text | null = null;
  folder: Text | null = null;
  reference: Text | null = null;
  urlconf: Text | null = null;
  wsURLConf: Text | null = null;
  /** Decoded path that the tenant's handler sees; absent: that of the request. */
  path: Text | null = null;
  location: Text | null = null;
  identifier: Text | null = null;
  cachePrefix: Text | null = null;
  reason: Text | null = null;
  route: Text | null = null;
  kwargs: Text | null = null;
  private headers: Array<Text> = [];

  /** Sets the decision to the tenant of a row that was found by the domain. */
  serve(row: Row, domain: Text): void {
    const pathname = row.attribute(PATHNAME);
    this.outcome = TENANT;
    this.status = 200;
    this.dynamic = true;
    this.schema = this.cachePrefix = filled(row.schema);
    this.tenantID = filled(row.id);
    this.identifier = filled(pathname == null ? row.schema : pathname);
    this.domain = domain;
    this.folder = row.folder;
  }

  /** Sets the outcome MISSING, BAD_REQUEST or CONFLICT. The reason is one sentence for the host's log. */
  refuse(outcome: u32, why: Text): void {
    this.outcome = outcome;
    this.status = outcome == BAD_REQUEST ? 400 : outcome == CONFLICT ? 421 : 404;
    this.dynamic = this.bySession = false;
    this.schema = this.tenantID = this.domain = this.folder = this.reference = this.urlconf = this.wsURLConf = null;
    this.path = this.location = this.identifier = this.cachePrefix = this.route = this.kwargs = null;
    this.headers = [];
    this.reason = reason(why);
  }

  /**
   * Sets a header of the request to the upstream. Name it in "set_headers" of the JSON of
   * configured(), so that the host removes what a client sends under the name.
   */
  setHeader(name: Text, value: Text): void {
    assert(<u32>this.headers.length < 2 * MAX_HEADERS, "expected at most 32 headers");
    this.headers.push(name);
    this.headers.push(value);
  }

  /** Returns the decision as a reply. */
  encode(): u64 {
    const n = FIELDS + this.headers.length;
    const f = new StaticArray<Text | null>(n);
    f[0] = this.schema;
    f[1] = this.tenantID;
    f[2] = this.domain;
    f[3] = this.folder;
    f[4] = this.reference;
    f[5] = this.urlconf;
    f[6] = this.wsURLConf;
    f[7] = this.path;
    f[8] = this.location;
    f[9] = this.identifier;
    f[10] = this.cachePrefix;
    f[11] = this.reason;
    f[12] = this.route;
    f[13] = this.kwargs;
    for (let i = 0; i < this.headers.length; i++) f[FIELDS + i] = this.headers[i];
    return reply(this.outcome | ((<u32>this.dynamic) << 8) | ((<u32>this.bySession) << 9) | (this.status << 16), f, n);
  }
}

function filled(t: Text): Text | null {
  return t.length > 0 ? t : null;
}

const PATHNAME = Text.of("schema_pathname");

/** Handles te_route. */
export function runRoute(len: u32, handler: (r: Request, d: Decision) => void): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const d = new Decision();
  handler(new Request(m), d);
  return d.encode();
}
