// Websockets.

import { Event, Packed } from "./event";
import { jsonMember, jsonText } from "./json";
import { Message, reply } from "./memory";
import { EMPTY, Text } from "./text";

/** The handlers of websockets. One that is not overridden does nothing. */
export class Consumer {
  /** Handles a handshake, which s.reject rejects. */
  open(s: Socket): void {}
  /** Handles a message of the client. */
  message(s: Socket, data: Text, binary: bool): void {}
  /** Handles the last event. The client cannot be reached. The code is 1006 if the connection broke. */
  close(s: Socket, code: u32, reason: Text): void {}
  /** Handles a message to a group of the socket, or to its channel. */
  group(s: Socket, event: Packed): void {}
  /** Handles the expiry of the timer. */
  timer(s: Socket): void {}
}

const MAX_EFFECTS: i32 = 64;

/** A websocket during one event. Its methods request effects, which the host executes after the event. */
@final
export class Socket {
  /** The argument of the last setState, in this event or before. */
  state: Text;
  private changed: bool = false;
  private status: u32 = 0;
  private protocol: Text | null = null;
  private kinds: Array<u8> = [];
  private fields: Array<Text | null> = [];

  constructor(private m: Message) {
    this.state = m.get(4);
  }

  /** The name of the route that matched. */
  get route(): Text { return this.m.get(0); }
  get schema(): Text { return this.m.get(1); }
  get tenantID(): Text | null { return this.m.field(2); }
  get identifier(): Text { return this.m.get(3); }
  /** The name for sending to this socket, empty before openChannel or groupAdd. */
  get channel(): Text { return this.m.get(5); }

  /** The decoded path. Like the following, it is for open. */
  get path(): Text { return this.m.get(8); }
  /** The subprotocols that the client offers, separated by line feeds. */
  get protocols(): Text | null { return this.m.field(9); }
  /** Returns the value of header i of "consumer_headers". */
  header(i: u32): Text | null { return this.m.field(10 + i); }
  /** Returns a value of the route as text. */
  kwarg(name: Text): Text | null {
    const value = jsonMember(this.m.get(7), name);
    return value == null ? null : jsonText(value);
  }
  /** Rejects a handshake with an HTTP status of 400 to 599. */
  reject(status: u32): void { this.status = status; }
  /** Chooses one of the subprotocols that the client offers. */
  accept(protocol: Text): void { this.protocol = protocol; }

  /** Sets the state of the next events, at most 4 KiB. */
  setState(state: Text): void {
    this.state = state;
    this.changed = true;
  }
  /** Sends text, which must be UTF-8. */
  sendText(text: Text): void { this.effect(1, EMPTY, text); }
  sendBinary(data: Text): void { this.effect(2, EMPTY, data); }
  groupAdd(group: Text): void { this.effect(3, group, null); }
  groupDiscard(group: Text): void { this.effect(4, group, null); }
  groupSend(group: Text, event: Event): void { this.effect(5, group, event.encode()); }
  channelSend(channel: Text, event: Event): void { this.effect(6, channel, event.encode()); }
  /** Calls the timer handler once after that time; 0 cancels it. */
  setTimer(milliseconds: u32): void { this.effect(7, EMPTY, number(milliseconds, 4)); }
  /** Closes the websocket with a status code of RFC 6455. It is the last effect. */
  close(code: u32, reason: Text): void { this.effect(8, reason, number(code, 2)); }
  /** Gives the socket a channel. The next events have its name. */
  openChannel(): void { this.effect(9, EMPTY, null); }

  private effect(kind: u8, name: Text, data: Text | null): void {
    assert(this.kinds.length < MAX_EFFECTS, "expected at most 64 effects");
    this.kinds.push(kind);
    this.fields.push(name.length > 0 ? name : null);
    this.fields.push(data);
  }

  /** Returns the effects as a reply. */
  encode(): u64 {
    if (this.status != 0) return reply(this.status << 16, [null], 1);
    const state: Text | null = this.changed ? this.state : null;
    const effects = this.kinds.length;
    if (effects == 0 && this.protocol == null) return reply(0, [state], 1);
    const f = new StaticArray<Text | null>(3 + 2 * effects);
    f[0] = state;
    f[1] = this.protocol;
    f[2] = effects > 0 ? new Text(this.kinds.dataStart, effects) : null;
    for (let i = 0; i < 2 * effects; i++) f[3 + i] = this.fields[i];
    return reply(0, f, f.length);
  }
}

function number(v: u32, size: u32): Text {
  const at = heap.alloc(4);
  store<u32>(at, v);
  return new Text(at, size);
}

/** Handles te_ws_open. */
export function runOpen(len: u32, c: Consumer): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const s = new Socket(m);
  c.open(s);
  return s.encode();
}

/** Handles te_ws_message. */
export function runMessage(len: u32, c: Consumer): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const s = new Socket(m);
  c.message(s, m.get(6), (m.word & 1) != 0);
  return s.encode();
}

/** Handles te_ws_close. */
export function runClose(len: u32, c: Consumer): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const s = new Socket(m);
  c.close(s, m.word >> 16, m.get(6));
  return s.encode();
}

/** Handles te_ws_group. */
export function runGroup(len: u32, c: Consumer): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const event = new Packed(m.get(6));
  if (!event.find(null)) return 0;
  const s = new Socket(m);
  c.group(s, event);
  return s.encode();
}

/** Handles te_ws_timer. */
export function runTimer(len: u32, c: Consumer): u64 {
  const m = Message.received(len);
  if (m == null) return 0;
  const s = new Socket(m);
  c.timer(s);
  return s.encode();
}
