//! Messages to groups: MessagePack maps with the key "type", as in Django Channels.

use crate::host::Host;
use crate::memory::Buffer;

/// An event that a guest sends.
pub struct Event<'a>(Buffer<'a>);

impl<'a> Event<'a> {
    /// Returns an event of a type. Django consumers handle the type "chat.message" with the
    /// method chat_message.
    pub fn new(host: Host<'a>, kind: &[u8]) -> Self {
        let mut b = host.buffer();
        b.push(&[0x80]);
        Event(b).text(b"type", kind)
    }

    /// Adds text, which must be UTF-8. An event has at most 15 entries.
    pub fn text(mut self, name: &[u8], value: &[u8]) -> Self {
        self.entry(name);
        self.push_text(value);
        self
    }

    /// Adds an integer.
    pub fn int(mut self, name: &[u8], value: i64) -> Self {
        self.entry(name);
        if (-32..128).contains(&value) {
            self.0.push(&[value as u8]);
        } else {
            self.0.push(&[0xd3]).push(&value.to_be_bytes());
        }
        self
    }

    fn entry(&mut self, name: &[u8]) {
        self.0.increment_first();
        self.push_text(name);
    }

    fn push_text(&mut self, s: &[u8]) {
        let n = (s.len() as u32).to_be_bytes();
        match s.len() {
            0..=31 => self.0.push(&[0xa0 | n[3]]),
            32..=0xff => self.0.push(&[0xd9, n[3]]),
            0x100..=0xffff => self.0.push(&[0xda, n[2], n[3]]),
            _ => self.0.push(&[0xdb]).push(&n),
        };
        self.0.push(s);
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0.bytes()
    }
}

/// An event that a guest receives.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    entries: &'a [u8],
    n: usize,
}

enum Value<'a> {
    Text(&'a [u8]),
    Items(u64, bool), // the number of values that follow, and whether they are those of a map
    Other,
}

fn take<'a>(b: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let taken = b.get(..n)?;
    *b = &b[n..];
    Some(taken)
}

/// Takes a value, without those that are in a list or a map.
fn value<'a>(b: &mut &'a [u8]) -> Option<Value<'a>> {
    let c = *take(b, 1)?.first()?;
    let mut big = |size: usize| Some(take(b, size)?.iter().fold(0u64, |v, &c| v << 8 | c as u64));
    let length = match c {
        0..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
        0x80..=0x8f => return Some(Value::Items(2 * (c & 15) as u64, true)),
        0x90..=0x9f => return Some(Value::Items((c & 15) as u64, false)),
        0xa0..=0xbf => (c & 31) as u64,
        0xc4..=0xc6 => big(1 << (c - 0xc4))?,
        0xca | 0xcb => 4 << (c - 0xca),
        0xcc..=0xcf => 1 << (c - 0xcc),
        0xd0..=0xd3 => 1 << (c - 0xd0),
        0xd9..=0xdb => big(1 << (c - 0xd9))?,
        0xdc | 0xdd => return Some(Value::Items(big(2 << (c - 0xdc))?, false)),
        0xde | 0xdf => return Some(Value::Items(2 * big(2 << (c - 0xde))?, true)),
        _ => return None,
    };
    let content = take(b, usize::try_from(length).ok()?)?;
    Some(if matches!(c, 0xa0..=0xbf | 0xd9..=0xdb) { Value::Text(content) } else { Value::Other })
}

const DEPTH: usize = 100; // as in the host

/// Skips a value with what is in it.
fn skip(b: &mut &[u8]) -> Option<()> {
    let mut left = [(0u64, false); DEPTH];
    let mut depth = 0;
    left[0].0 = 1;
    loop {
        while left[depth].0 == 0 {
            if depth == 0 {
                return Some(());
            }
            depth -= 1;
        }
        let (n, map) = left[depth];
        let is_key = map && n % 2 == 0;
        left[depth].0 -= 1;
        match value(b)? {
            Value::Text(_) => {}
            _ if is_key => return None,
            Value::Items(0, _) | Value::Other => {}
            Value::Items(n, map) => {
                depth += 1;
                *left.get_mut(depth)? = (n, map);
            }
        }
    }
}

impl<'a> Packed<'a> {
    /// Returns the event in b, None unless it is one map with texts as keys.
    pub(crate) fn parse(b: &'a [u8]) -> Option<Self> {
        let mut rest = b;
        let n = match value(&mut rest)? {
            Value::Items(n, true) => n as usize / 2,
            _ => return None,
        };
        let entries = rest;
        for _ in 0..n {
            match value(&mut rest)? {
                Value::Text(_) => skip(&mut rest)?,
                _ => return None,
            }
        }
        rest.is_empty().then_some(Packed { entries, n })
    }

    /// Returns the text under `name`. The last of several counts, as in Python.
    pub fn text(&self, name: &[u8]) -> Option<&'a [u8]> {
        let (mut rest, mut found) = (self.entries, None);
        for _ in 0..self.n {
            let key = value(&mut rest)?;
            let mut at = rest;
            skip(&mut rest)?;
            if matches!(key, Value::Text(k) if k == name) {
                found = match value(&mut at)? {
                    Value::Text(text) => Some(text),
                    _ => None,
                };
            }
        }
        found
    }

    /// Returns the event's type.
    pub fn kind(&self) -> &'a [u8] {
        self.text(b"type").unwrap_or_default()
    }
}
