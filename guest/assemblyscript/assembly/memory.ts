// The host's buffer, and messages as package abi describes them.

import { EMPTY, Text } from "./text";

const MAX_BUFFER: u32 = 64 << 20;
let buffer: usize = 0;
let size: u32 = 0;

export function te_abi_version(): u32 {
  return 1;
}

export function te_buffer(n: u32): usize {
  if (n > MAX_BUFFER) return 0;
  if (n > size) {
    buffer = heap.alloc(n);
    size = n;
  }
  return buffer;
}

/** Returns the JSON of the configuration, in te_configure. Later calls overwrite it. */
export function configuration(len: u32): Text {
  return len <= size ? new Text(buffer, len) : EMPTY;
}

/** Returns the reply to te_configure: the JSON of an abi.Configured. */
export function configured(json: string): u64 {
  const t = Text.of(json);
  return pack(t.ptr, t.length);
}

function pack(ptr: usize, length: u32): u64 {
  return ((<u64>ptr) << 32) | length;
}

/** A message of which all fields are inside its bytes. */
@final
export class Message {
  private constructor(
    private ptr: usize,
    readonly word: u32,
    readonly n: u32,
  ) {}

  /** Returns the message of the current call, null if it is malformed. */
  static received(len: u32): Message | null {
    return len <= size ? Message.parse(new Text(buffer, len)) : null;
  }

  static parse(t: Text): Message | null {
    const ptr = t.ptr, len = t.length;
    if (len < 8) return null;
    const n = load<u32>(ptr, 4);
    if (n > (len - 8) / 8) return null;
    const head: u32 = 8 + 8 * n;
    for (let at = ptr + 8; at < ptr + head; at += 8) {
      const offset = load<u32>(at), length = load<u32>(at, 4);
      if ((offset | length) != 0 && (offset < head || offset > len || length > len - offset)) return null;
    }
    return new Message(ptr, load<u32>(ptr), n);
  }

  /** Returns field i, null if it is absent. */
  field(i: u32): Text | null {
    if (i >= this.n) return null;
    const at = this.ptr + 8 + 8 * i;
    const offset = load<u32>(at);
    return offset == 0 ? null : new Text(this.ptr + offset, load<u32>(at, 4));
  }

  /** Returns field i, empty if it is absent. */
  get(i: u32): Text {
    const f = this.field(i);
    return f == null ? EMPTY : f;
  }
}

/** Writes a message of the first n fields, and returns it as an export does. */
export function reply(word: u32, fields: StaticArray<Text | null>, n: u32): u64 {
  const t = encode(word, fields, n);
  return pack(t.ptr, t.length);
}

/** Writes a message of the first n fields. */
export function encode(word: u32, fields: StaticArray<Text | null>, n: u32): Text {
  const head: u32 = 8 + 8 * n;
  let total: u32 = head;
  for (let i: u32 = 0; i < n; i++) {
    const f = fields[i];
    if (f != null) total += f.length;
  }
  const out = heap.alloc(total);
  store<u32>(out, word);
  store<u32>(out, n, 4);
  let end: u32 = head;
  for (let i: u32 = 0; i < n; i++) {
    const f = fields[i], at = out + 8 + 8 * i;
    if (f == null) {
      store<u64>(at, 0);
      continue;
    }
    store<u32>(at, end);
    store<u32>(at, f.length, 4);
    memory.copy(out + end, f.ptr, f.length);
    end += f.length;
  }
  return new Text(out, total);
}

/** Returns at most the first 1,024 bytes, the bound of reasons and errors. */
export function reason(t: Text | null): Text | null {
  return t == null ? null : t.slice(0, 1024);
}
