// Members of JSON objects: of the configuration, and of a websocket's route.

import { Text } from "./text";

function space(t: Text, i: u32): u32 {
  let c = t.at(i);
  while (c == 0x20 || c == 0x09 || c == 0x0a || c == 0x0d) c = t.at(++i);
  return i;
}

/** Returns the index after the value at i, 0 if it has no end. */
function end(t: Text, i: u32): u32 {
  for (let depth = 0; i < t.length;) {
    const c = t.at(i++);
    if (c == 0x22) { // "
      while (i < t.length && t.at(i) != 0x22) i += t.at(i) == 0x5c ? 2 : 1;
      if (i++ >= t.length) return 0;
    } else if (c == 0x7b || c == 0x5b) { // { [
      depth++;
      continue;
    } else if (c == 0x7d || c == 0x5d) { // } ]
      if (depth-- == 0) return 0;
    } else if (depth == 0) {
      for (let d = t.at(i); d > 0x20 && d != 0x2c && d != 0x7d && d != 0x5d; d = t.at(i)) i++;
    }
    if (depth == 0) return i;
  }
  return 0;
}

/**
 * Returns the value under name in a JSON object as JSON, such as "x" with its quotes; null if
 * there is none. The last of several counts.
 */
export function jsonMember(object: Text, name: Text): Text | null {
  let found: Text | null = null;
  let i = space(object, 0);
  if (object.at(i) != 0x7b) return null;
  do {
    const key = space(object, i + 1);
    const keyEnd = object.at(key) == 0x22 ? end(object, key) : 0;
    if (keyEnd == 0) return found;
    i = space(object, keyEnd);
    if (object.at(i) != 0x3a) return found;
    const value = space(object, i + 1);
    i = end(object, value);
    if (i == 0) return found;
    if (object.slice(key + 1, keyEnd - 1).equals(name)) found = object.slice(value, i);
    i = space(object, i);
  } while (object.at(i) == 0x2c);
  return found;
}

function hex4(t: Text, i: u32): i32 {
  let v = 0;
  for (let k: u32 = 0; k < 4; k++) {
    const c = t.at(i + k), lower = c | 32;
    if (c >= 0x30 && c <= 0x39) v = (v << 4) | (c - 0x30);
    else if (lower >= 0x61 && lower <= 0x66) v = (v << 4) | (lower - 0x61 + 10);
    else return -1;
  }
  return v;
}

const ESCAPES = "\"\\/bfnrt";
const ESCAPED = "\"\\/\b\f\n\r\t";

/**
 * Returns the text of a JSON string, and any other JSON value as it is; null if the string is
 * malformed.
 */
export function jsonText(value: Text): Text | null {
  if (value.length < 2 || value.at(0) != 0x22) return value;
  const t = value.slice(1, value.length - 1);
  if (t.indexOf(0x5c) == t.length) return t;
  const out = heap.alloc(t.length); // an escape is longer than what it stands for
  let n: usize = 0;
  for (let i: u32 = 0; i < t.length;) {
    if (t.at(i) != 0x5c) {
      store<u8>(out + n++, t.at(i++));
      continue;
    }
    if (t.at(i + 1) != 0x75) {
      const k = ESCAPES.indexOf(String.fromCharCode(t.at(i + 1) & 0xff));
      if (t.at(i + 1) < 0 || k < 0) return null;
      store<u8>(out + n++, ESCAPED.charCodeAt(k));
      i += 2;
      continue;
    }
    let r = hex4(t, i + 2);
    if (r < 0) return null;
    i += 6;
    if (r >= 0xd800 && r < 0xe000) { // a surrogate: with its other half, or U+FFFD
      const low = r < 0xdc00 && t.at(i) == 0x5c && t.at(i + 1) == 0x75 ? hex4(t, i + 2) : 0;
      const pair = low >= 0xdc00 && low < 0xe000;
      r = pair ? 0x10000 + ((r - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
      if (pair) i += 6;
    }
    const rune = String.UTF8.encode(String.fromCodePoint(r));
    memory.copy(out + n, changetype<usize>(rune), rune.byteLength);
    n += rune.byteLength;
  }
  return new Text(out, <u32>n);
}
