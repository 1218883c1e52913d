//! Members of JSON objects: of the configuration, and of a websocket's route.

use crate::host::Host;
use crate::until;

fn space(b: &[u8], mut i: usize) -> usize {
    while matches!(b.get(i), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        i += 1;
    }
    i
}

/// Returns the index after the value at i.
fn end(b: &[u8], mut i: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        let c = *b.get(i)?;
        i += 1;
        match c {
            b'"' => {
                while *b.get(i)? != b'"' {
                    i += if b[i] == b'\\' { 2 } else { 1 };
                }
                i += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                continue;
            }
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => {
                while matches!(b.get(i), Some(&c) if c > b' ' && !matches!(c, b',' | b'}' | b']')) {
                    i += 1;
                }
            }
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
}

/// Returns the value under `name` in a JSON object as JSON, such as "x" with its quotes. The
/// last of several counts.
pub fn json_member<'a>(object: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    let mut i = space(object, 0);
    if object.get(i) != Some(&b'{') {
        return None;
    }
    loop {
        let key = space(object, i + 1);
        if object.get(key) != Some(&b'"') {
            return found;
        }
        let (key_end, colon) = match end(object, key) {
            Some(e) => (e, space(object, e)),
            None => return found,
        };
        if object.get(colon) != Some(&b':') {
            return found;
        }
        let value = space(object, colon + 1);
        i = match end(object, value) {
            Some(e) => e,
            None => return found,
        };
        if &object[key + 1..key_end - 1] == name {
            found = Some(&object[value..i]);
        }
        i = space(object, i);
        if object.get(i) != Some(&b',') {
            return found;
        }
    }
}

fn hex4(b: &[u8]) -> Option<u32> {
    b.get(..4)?.iter().try_fold(0, |v, &c| Some(v << 4 | (c as char).to_digit(16)?))
}

/// Returns the text of a JSON string, and any other JSON value as it is; None if the string
/// is malformed.
pub fn json_text<'a>(host: Host<'a>, value: &'a [u8]) -> Option<&'a [u8]> {
    if value.len() < 2 || value[0] != b'"' {
        return Some(value);
    }
    let mut rest = &value[1..value.len() - 1];
    if until(rest, b'\\').len() == rest.len() {
        return Some(rest);
    }
    let mut out = host.buffer();
    while let Some(&c) = rest.first() {
        if c != b'\\' {
            let plain = until(rest, b'\\');
            out.push(plain);
            rest = &rest[plain.len()..];
            continue;
        }
        let escaped = *rest.get(1)?;
        if let Some(k) = b"\"\\/bfnrt".iter().position(|&e| e == escaped) {
            out.push(&b"\"\\/\x08\x0c\n\r\t"[k..k + 1]);
            rest = &rest[2..];
            continue;
        }
        if escaped != b'u' {
            return None;
        }
        let mut r = hex4(&rest[2..])?;
        rest = &rest[6..];
        if (0xd800..0xdc00).contains(&r) && rest.starts_with(b"\\u") {
            if let Some(low @ 0xdc00..=0xdfff) = hex4(&rest[2..]) {
                r = 0x10000 + (r - 0xd800) * 0x400 + (low - 0xdc00);
                rest = &rest[6..];
            }
        }
        let c = char::from_u32(r).unwrap_or('\u{fffd}'); // half of a surrogate pair
        out.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(out.bytes())
}
