// The guest of ../../main.go.
import {
  Access, BAD_REQUEST, configured, Consumer, Decision, EMPTY, Errno, errnoText, Event, KeyRequest, lastErrno, Level, logAttrs, now, PathReply, PathRequest,
  primaryDomain, query, random, readFile, Request, runAuthorize, runKey, runMessage, runOpen, runPathname, runRoute, SLASH, Socket, tenantByDomain, Text, Verdict,
} from "tenantedge/assembly";
export { te_abi_version, te_buffer } from "tenantedge/assembly";

export function te_configure(len: u32): u64 { return configured(
  '{"name":"probe","headers":["A","B"],"authorize_headers":["A"],"consumer_headers":["A"],"set_headers":["X-Probe"],"consumer":true}'); }
export function te_route(len: u32): u64 { return runRoute(len, route); }
export function te_reverse_key(len: u32): u64 { return runKey(len, reverseKey); }
export function te_pathname(len: u32): u64 { return runPathname(len, pathname); }
export function te_authorize(len: u32): u64 { return runAuthorize(len, authorize); }
export function te_self_test(): i32 { return 0; }
export function te_ws_open(len: u32): u64 { return runOpen(len, sockets); }
export function te_ws_message(len: u32): u64 { return runMessage(len, sockets); }

function or(t: Text | null): Text { return t == null ? EMPTY : t; }

function route(r: Request, d: Decision): void {
  const target = r.target.at(0) == SLASH ? r.target.slice(1) : r.target;
  const command = target.until(SLASH).toString();
  const argument = target.slice(target.indexOf(SLASH) + 1);
  let text: Text | null = EMPTY;
  let err: u32 = 0;
  if (command == "panic") {
    throw new Error("boom");
  } else if (command == "log") {
    logAttrs(Level.Warn, argument, [Text.of("path"), argument, EMPTY, Text.of("x")]);
  } else if (command == "random") {
    const b = new StaticArray<u8>(3);
    err = random(b);
    text = new Text(changetype<usize>(b), 3);
  } else if (command == "now") {
    if (now() == 1767225600000000000) text = Text.of("2026");
  } else if (command == "query") {
    text = query(EMPTY, argument, Text.of('["a"]'));
  } else if (command == "file") {
    text = readFile(argument, 8);
  } else if (command == "primary") {
    const row = primaryDomain(argument);
    text = row == null ? null : Text.concat([or(row.domain), Text.of("|"), row.folder]);
  } else if (command == "domain") {
    const row = tenantByDomain(argument, Text.of("f"));
    if (row != null) {
      d.serve(row, argument);
      d.path = Text.of("/");
      d.setHeader(Text.of("X-Probe"), or(row.attribute(Text.of("plan"))));
      return;
    }
    text = null;
  } else if (command == "headers") {
    text = Text.concat([or(r.header(0)), Text.of(","), or(r.header(1)), r.trusted ? Text.of(",trusted") : EMPTY]);
  }
  if (text == null) err = lastErrno();
  d.refuse(BAD_REQUEST, err != 0 ? Text.of(errnoText(err)) : or(text));
  const why = d.reason;
  if (why != null && why.length == 0) d.reason = null;
}

function reverseKey(r: KeyRequest): Text {
  r.error = Text.of(errnoText(Errno.Invalid));
  return EMPTY;
}

function pathname(q: PathRequest, p: PathReply): void {
  if (q.schema.length > 0) p.identifier = q.schema;
  const name = q.name;
  if (name != null) p.path = Text.concat([q.location, Text.of("/"), name]);
}

function authorize(a: Access): Verdict {
  const header = a.header(0), name = a.name;
  if (header != null && header.equals(Text.of("x"))) return Verdict.Deny;
  return name != null && name.equals(Text.of("a.txt")) ? Verdict.Allow : Verdict.Hide;
}

class Sockets extends Consumer {
  open(s: Socket): void {
    const protocol = or(s.protocols).until(0x0a);
    if (protocol.length > 0) s.accept(protocol);
    s.setState(Text.concat([s.path, Text.of(","), or(s.header(0))]));
  }

  message(s: Socket, data: Text, binary: bool): void {
    s.sendBinary(data);
    s.groupDiscard(Text.of("group"));
    const e = new Event(Text.of("probe")).text(Text.of("text"), data);
    s.channelSend(Text.of("channel"), e.int(Text.of("least"), -32).int(Text.of("most"), 127).int(Text.of("less"), -33).int(Text.of("more"), 128));
    s.openChannel();
  }
}

const sockets = new Sockets();
