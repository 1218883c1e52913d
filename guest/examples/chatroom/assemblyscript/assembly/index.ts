// The websocket consumer of examples/chatroom in AssemblyScript. Its own routing finds the
// tenant by the domain, and serves websockets of the path /rooms/NAME.
//
//   npm ci && npm run build

import {
  COLON, configured, Consumer, Decision, EMPTY, Event, MISSING, Packed, QUESTION, Request, runClose, runGroup, runMessage, runOpen, runRoute, runTimer,
  Socket, tenantByDomain, Text,
} from "tenantedge/assembly";
export { te_abi_version, te_buffer } from "tenantedge/assembly";

export function te_configure(len: u32): u64 { return configured('{"name":"chatroom","version":"1","consumer":true}'); }
export function te_route(len: u32): u64 { return runRoute(len, route); }
export function te_ws_open(len: u32): u64 { return runOpen(len, chatroom); }
export function te_ws_message(len: u32): u64 { return runMessage(len, chatroom); }
export function te_ws_close(len: u32): u64 { return runClose(len, chatroom); }
export function te_ws_group(len: u32): u64 { return runGroup(len, chatroom); }
export function te_ws_timer(len: u32): u64 { return runTimer(len, chatroom); }

const IDLE: u32 = 60 * 60 * 1000; // milliseconds
const MAX_MESSAGE: u32 = 4 << 10;
const POLICY: u32 = 1008;
const GOING_AWAY: u32 = 1001;

const ROOM = Text.of("room");
const TEXT = Text.of("text");
const CHAT_MESSAGE = Text.of("chat.message");
const GROUP = Text.of("room_");
const ROOMS = Text.of("/rooms/");

function chatMessage(text: Text): Event {
  return new Event(CHAT_MESSAGE).text(TEXT, text);
}

/** Reports whether room is valid in a group's name. */
function isName(room: Text): bool {
  for (let i: u32 = 0; i < room.length; i++) {
    const c = room.at(i), lower = c | 32;
    if (!(lower >= 0x61 && lower <= 0x7a) && !(c >= 0x30 && c <= 0x39) && c != 0x2d && c != 0x5f) return false;
  }
  return room.length > 0 && room.length <= 30;
}

class Chatroom extends Consumer {
  open(s: Socket): void {
    const room = s.kwarg(ROOM);
    if (room == null || !isName(room)) {
      s.reject(404);
      return;
    }
    const group = Text.concat([GROUP, room]);
    s.groupAdd(group);
    s.setState(group);
    s.setTimer(IDLE);
    s.groupSend(group, chatMessage(Text.of("someone came in")));
  }

  message(s: Socket, data: Text, binary: bool): void {
    if (binary || data.length > MAX_MESSAGE) {
      s.close(POLICY, Text.of("expected a short text"));
      return;
    }
    s.setTimer(IDLE);
    s.groupSend(s.state, chatMessage(data));
  }

  group(s: Socket, event: Packed): void {
    const text = event.text(TEXT);
    if (text != null && event.type.equals(CHAT_MESSAGE)) s.sendText(text);
  }

  timer(s: Socket): void {
    s.close(GOING_AWAY, Text.of("idle for an hour"));
  }

  close(s: Socket, code: u32, reason: Text): void {
    s.groupSend(s.state, chatMessage(Text.of("someone left")));
  }
}

const chatroom = new Chatroom();

function route(r: Request, d: Decision): void {
  const domain = r.host.until(COLON);
  const row = tenantByDomain(domain, EMPTY);
  if (row == null) {
    d.refuse(MISSING, Text.of("no tenant has this domain"));
    return;
  }
  d.serve(row, domain);
  const path = r.target.until(QUESTION);
  d.path = path;
  if (!r.websocket || !path.startsWith(ROOMS)) return;
  const room = path.slice(ROOMS.length);
  if (!isName(room)) return;
  d.route = ROOM;
  d.kwargs = Text.concat([Text.of('{"room":"'), room, Text.of('"}')]);
}
