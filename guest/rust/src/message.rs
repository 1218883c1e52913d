//! Messages, as package abi describes them.

use core::mem::MaybeUninit;

/// The most fields of a reply: those of 64 effects.
pub(crate) const MAX_FIELDS: usize = 3 + 2 * 64;

/// A message of which all fields are inside its bytes.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    pub(crate) word: u32,
    pub(crate) n: usize,
}

fn load(b: &[u8], at: usize) -> usize {
    match b.get(at..at + 4) {
        Some(b) => u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize,
        None => 0,
    }
}

impl<'a> Message<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() < 8 {
            return None;
        }
        let (word, n) = (load(bytes, 0) as u32, load(bytes, 4));
        if n > (bytes.len() - 8) / 8 {
            return None;
        }
        let head = 8 + 8 * n;
        for at in (8..head).step_by(8) {
            let (offset, len) = (load(bytes, at), load(bytes, at + 4));
            if (offset != 0 || len != 0) && (offset < head || offset > bytes.len() || len > bytes.len() - offset) {
                return None;
            }
        }
        Some(Message { bytes, word, n })
    }

    /// Returns field i, None if it is absent.
    pub(crate) fn field(&self, i: usize) -> Option<&'a [u8]> {
        if i >= self.n {
            return None;
        }
        let (offset, len) = (load(self.bytes, 8 + 8 * i), load(self.bytes, 12 + 8 * i));
        if offset == 0 {
            return None;
        }
        self.bytes.get(offset..offset + len)
    }
}

/// Fields of a reply. They are not initialized before they are pushed.
pub(crate) struct Fields<'a> {
    n: usize,
    at: [MaybeUninit<Option<&'a [u8]>>; MAX_FIELDS],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(first: &[Option<&'a [u8]>]) -> Self {
        // Safety: an array of MaybeUninit needs no initialization.
        let mut f = Fields { n: 0, at: unsafe { MaybeUninit::uninit().assume_init() } };
        for &field in first {
            f.push(field);
        }
        f
    }

    /// Appends a field, and panics if there are too many.
    pub(crate) fn push(&mut self, field: Option<&'a [u8]>) {
        if self.n == MAX_FIELDS {
            panic!("too many effects or headers");
        }
        self.at[self.n] = MaybeUninit::new(field);
        self.n += 1;
    }

    pub(crate) fn all(&mut self) -> &mut [Option<&'a [u8]>] {
        // Safety: the first n are initialized.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_mut_ptr().cast(), self.n) }
    }
}
