/**
 * Bytes in the memory of the call, such as a part of the host's message. They are not copied.
 * A client can send any bytes: text need not be UTF-8.
 */
@final
export class Text {
  constructor(
    /** Address of the first byte. */
    readonly ptr: usize,
    /** Number of bytes. */
    readonly length: u32,
  ) {}

  /** Returns a string as UTF-8. */
  static of(s: string): Text {
    const bytes = String.UTF8.encode(s);
    return new Text(changetype<usize>(bytes), bytes.byteLength);
  }

  /** Returns the texts as one. */
  static concat(parts: StaticArray<Text>): Text {
    let length: u32 = 0;
    for (let i = 0; i < parts.length; i++) length += parts[i].length;
    const ptr = heap.alloc(length);
    let end = ptr;
    for (let i = 0; i < parts.length; i++) {
      memory.copy(end, parts[i].ptr, parts[i].length);
      end += parts[i].length;
    }
    return new Text(ptr, length);
  }

  /** Returns the byte at i, or -1 after the end. */
  at(i: u32): i32 {
    return i < this.length ? <i32>load<u8>(this.ptr + i) : -1;
  }

  /** Returns the bytes from one index up to another, which are cut at the end. */
  slice(from: u32, to: u32 = u32.MAX_VALUE): Text {
    to = min(to, this.length);
    from = min(from, to);
    return new Text(this.ptr + from, to - from);
  }

  /** Returns the index of the first byte c, or the length if there is none. */
  indexOf(c: i32): u32 {
    let i: u32 = 0;
    while (i < this.length && <i32>load<u8>(this.ptr + i) != c) i++;
    return i;
  }

  /** Returns the part before the first byte c, or the whole text if there is none. */
  until(c: i32): Text {
    return this.slice(0, this.indexOf(c));
  }

  startsWith(prefix: Text): bool {
    return this.length >= prefix.length && memory.compare(this.ptr, prefix.ptr, prefix.length) == 0;
  }

  equals(other: Text): bool {
    return this.length == other.length && this.startsWith(other);
  }

  /** Returns the text as a string. Bytes that are not UTF-8 are replaced. */
  toString(): string {
    return String.UTF8.decodeUnsafe(this.ptr, this.length);
  }
}

/** The empty text. */
export const EMPTY = new Text(memory.data(8), 0);

// @ts-ignore: decorator
@inline export const DOT: i32 = 0x2e;
// @ts-ignore: decorator
@inline export const COLON: i32 = 0x3a;
// @ts-ignore: decorator
@inline export const SLASH: i32 = 0x2f;
// @ts-ignore: decorator
@inline export const QUESTION: i32 = 0x3f;
