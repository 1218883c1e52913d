// Messages to groups: MessagePack maps with the key "type", as in Django Channels.

import { Text } from "./text";

const TYPE = Text.of("type");

/** An event that a guest sends, of at most 15 entries. */
@final
export class Event {
  private ptr: usize = heap.alloc(256);
  private cap: u32 = 256;
  private n: u32 = 1;

  /** Returns an event of a type. Django consumers handle "chat.message" with chat_message. */
  constructor(type: Text) {
    store<u8>(this.ptr, 0x80);
    this.text(TYPE, type);
  }

  /** Adds text, which must be UTF-8. */
  text(name: Text, value: Text): Event {
    this.entry(name);
    this.pack(value);
    return this;
  }

  /** Adds an integer. */
  int(name: Text, value: i64): Event {
    this.entry(name);
    if (value >= -32 && value < 128) {
      store<u8>(this.room(1), <u8>value);
    } else {
      const at = this.room(9);
      store<u8>(at, 0xd3);
      store<u64>(at, bswap<u64>(value), 1);
    }
    return this;
  }

  /** Returns the event as MessagePack. */
  encode(): Text {
    return new Text(this.ptr, this.n);
  }

  private entry(name: Text): void {
    const first = load<u8>(this.ptr);
    assert((first & 15) < 15, "expected at most 15 entries in an event");
    store<u8>(this.ptr, first + 1);
    this.pack(name);
  }

  private room(n: u32): usize {
    if (n > this.cap - this.n) {
      this.cap = this.n + max(this.cap, n);
      const moved = heap.alloc(this.cap);
      memory.copy(moved, this.ptr, this.n);
      this.ptr = moved;
    }
    this.n += n;
    return this.ptr + this.n - n;
  }

  private pack(s: Text): void {
    const n = s.length;
    if (n < 32) {
      store<u8>(this.room(1), 0xa0 | n);
    } else if (n < 256) {
      const at = this.room(2);
      store<u8>(at, 0xd9);
      store<u8>(at, n, 1);
    } else if (n < 65536) {
      const at = this.room(3);
      store<u8>(at, 0xda);
      store<u16>(at, bswap<u16>(<u16>n), 1);
    } else {
      const at = this.room(5);
      store<u8>(at, 0xdb);
      store<u32>(at, bswap<u32>(n), 1);
    }
    memory.copy(this.room(n), s.ptr, n);
  }
}

/** Reads MessagePack values. */
@final
class Reader {
  i: u32 = 0;
  /** The text that was taken, null if it was another value. */
  text: Text | null = null;
  /** The number of values in the map or list that was taken. */
  items: u64 = 0;
  map: bool = false;

  constructor(private t: Text) {}

  private big(size: u32): u64 {
    let v: u64 = 0;
    for (let k: u32 = 0; k < size; k++) v = (v << 8) | <u64>this.t.at(this.i++);
    return v;
  }

  /** Takes a value without those in it, and reports whether there is one. */
  take(): bool {
    this.text = null;
    this.items = 0;
    this.map = false;
    const c = this.t.at(this.i++);
    if (c < 0) return false;
    if (c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3) return true;
    let size: u32 = 0, n: u64 = 0, text = false, list = false;
    if (c < 0x90) { this.map = true; n = c & 15; }
    else if (c < 0xa0) { list = true; n = c & 15; }
    else if (c < 0xc0) { text = true; n = c & 31; }
    else if (c >= 0xc4 && c <= 0xc6) size = 1 << (c - 0xc4);
    else if (c == 0xca || c == 0xcb) n = 4 << (c - 0xca);
    else if (c >= 0xcc && c <= 0xcf) n = 1 << (c - 0xcc);
    else if (c >= 0xd0 && c <= 0xd3) n = 1 << (c - 0xd0);
    else if (c >= 0xd9 && c <= 0xdb) { text = true; size = 1 << (c - 0xd9); }
    else if (c == 0xdc || c == 0xdd) { list = true; size = 2 << (c - 0xdc); }
    else if (c == 0xde || c == 0xdf) { this.map = true; size = 2 << (c - 0xde); }
    else return false;
    if (size > this.t.length - this.i) return false;
    if (size > 0) n = this.big(size);
    if (list || this.map) {
      this.items = this.map ? 2 * n : n;
      return true;
    }
    if (n > this.t.length - this.i) return false;
    if (text) this.text = this.t.slice(this.i, this.i + <u32>n);
    this.i += <u32>n;
    return true;
  }

  /** Skips a value with what is in it, at most 100 levels as in the host. */
  skip(depth: u32 = 1): bool {
    if (depth > 100 || !this.take()) return false;
    const map = this.map;
    for (let n = this.items; n > 0; n--) {
      if (map && n % 2 == 0) {
        if (!this.take() || this.text == null) return false;
      } else if (!this.skip(depth + 1)) {
        return false;
      }
    }
    return true;
  }
}

/** An event that a guest receives. */
@final
export class Packed {
  constructor(private t: Text) {}

  /** Returns the text under name, null if there is none. The last of several counts. */
  text(name: Text): Text | null {
    this.find(name);
    return this.found;
  }

  /** Returns the event's type. */
  get type(): Text {
    const t = this.text(TYPE);
    return t == null ? this.t.slice(0, 0) : t;
  }

  private found: Text | null = null;

  /** Sets found, and reports whether the event is one map with texts as keys. */
  find(name: Text | null): bool {
    this.found = null;
    const r = new Reader(this.t);
    if (!r.take() || !r.map) return false;
    for (let n = r.items / 2; n > 0; n--) {
      if (!r.take()) return false;
      const key = r.text;
      if (key == null) return false;
      const at = r.i;
      if (!r.skip()) return false;
      if (name != null && key.equals(name)) {
        const value = new Reader(this.t);
        value.i = at;
        value.take();
        this.found = value.text;
      }
    }
    return r.i == this.t.length;
  }
}
