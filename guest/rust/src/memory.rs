//! The memory of a call: room for the head of a reply, the message of the host, and then
//! what the call allocates. A reply starts before the message, so that its fields can point
//! to all of these.

use crate::message::{Fields, MAX_FIELDS};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;
use core::marker::PhantomData;
use core::slice;

const HEAD: usize = 8 + 8 * MAX_FIELDS;
const MAX_BUFFER: usize = 64 << 20;
const MAX_REPLY: usize = 128 << 10;

pub(crate) struct Memory {
    message: Cell<usize>, // the buffer of te_buffer, 0 before
    size: Cell<usize>,
    length: Cell<usize>,
    used: Cell<usize>, // end of what is in use
    kept: Cell<usize>, // end of what was allocated before the first request
}

// Safety: a guest has one thread.
unsafe impl Sync for Memory {}

pub(crate) static MEMORY: Memory =
    Memory { message: Cell::new(0), size: Cell::new(0), length: Cell::new(0), used: Cell::new(0), kept: Cell::new(0) };

extern "C" {
    static __heap_base: u8;
}

impl Memory {
    fn used(&self) -> usize {
        if self.used.get() == 0 {
            // Safety: the linker defines it; only its address is used.
            self.used.set(unsafe { core::ptr::addr_of!(__heap_base) } as usize);
        }
        self.used.get()
    }

    pub(crate) fn buffer(&self, size: usize) -> usize {
        let message = self.kept.get().max(if self.message.get() == 0 { self.used() } else { self.message.get() - HEAD }) + HEAD;
        if size > MAX_BUFFER || !reserve(message + size) {
            return 0;
        }
        self.message.set(message);
        self.size.set(size);
        self.used.set(message + size);
        message
    }

    /// Starts a call, and returns its message.
    pub(crate) fn begin<'a>(&self, len: u32) -> Option<&'a [u8]> {
        let (message, len) = (self.message.get(), len as usize);
        if message == 0 || len > self.size.get() {
            return None;
        }
        self.length.set(len);
        self.used.set((message + len).max(self.kept.get()));
        // Safety: the buffer has that size, and is not changed before the call ends.
        Some(unsafe { slice::from_raw_parts(message as *const u8, len) })
    }

    /// Allocates after the buffer, since the messages of requests may be longer than that of
    /// te_configure. It returns the start.
    pub(crate) fn begin_kept(&self) -> usize {
        self.used.set(self.message.get() + self.size.get());
        self.used.get()
    }

    pub(crate) fn end_kept(&self, start: usize) {
        if self.used.get() > start {
            self.kept.set(self.used.get());
        }
    }

    /// Allocates n bytes, and panics without memory.
    pub(crate) fn alloc(&self, n: usize, align: usize) -> *mut u8 {
        let at = (self.used() + align - 1) & !(align - 1);
        match at.checked_add(n) {
            Some(end) if reserve(end) => {
                self.used.set(end);
                at as *mut u8
            }
            _ => panic!("out of memory"),
        }
    }

    /// Returns the free memory, at least `least` bytes.
    pub(crate) fn room(&self, least: usize) -> (*mut u8, u32) {
        let at = self.used();
        if !reserve(at.saturating_add(least)) {
            panic!("out of memory");
        }
        (at as *mut u8, ((memory_size(0) << 16) - at).min(i32::MAX as usize) as u32)
    }

    /// Takes the first n bytes of the free memory, which the host has written.
    pub(crate) fn take<'a>(&self, n: usize) -> &'a [u8] {
        let at = self.used();
        self.used.set(at + n);
        // Safety: they are in the memory, and nothing else uses them.
        unsafe { slice::from_raw_parts(at as *const u8, n) }
    }

    /// Writes a message and returns it as an export does. Fields stay where they are if
    /// they are in the memory of the call.
    pub(crate) fn reply(&self, word: u32, fields: &mut Fields<'_>) -> u64 {
        let fields = fields.all();
        let head = 8 + 8 * fields.len();
        let mut total = head;
        for f in fields.iter_mut().flatten() {
            let at = f.as_ptr() as usize;
            if at < self.message.get() || at > self.used() || f.len() > self.used() - at {
                let mut copy = Buffer::new();
                copy.push(f);
                *f = copy.bytes();
            }
            total += f.len();
        }
        let mut out = (self.message.get() - head) as *mut u8;
        let compact = self.used() - out as usize > MAX_REPLY + self.length.get();
        if compact {
            out = self.alloc(total, 1);
        }
        let mut end = head;
        let store = |at: usize, v: usize| {
            // Safety: the head has room for the fields.
            unsafe { core::ptr::copy_nonoverlapping((v as u32).to_le_bytes().as_ptr(), out.add(at), 4) }
        };
        store(0, word as usize);
        store(4, fields.len());
        for (i, f) in fields.iter().enumerate() {
            let (mut offset, mut len) = (0, 0);
            if let Some(f) = f {
                (offset, len) = (f.as_ptr() as usize - out as usize, f.len());
                if compact {
                    // Safety: out has total bytes, which are new.
                    unsafe { core::ptr::copy_nonoverlapping(f.as_ptr(), out.add(end), len) };
                    (offset, end) = (end, end + len);
                }
            }
            store(8 + 8 * i, offset);
            store(12 + 8 * i, len);
        }
        pack(out as usize, if compact { total } else { self.used() - out as usize })
    }
}

pub(crate) fn pack(at: usize, len: usize) -> u64 {
    (at as u64) << 32 | len as u64
}

fn reserve(end: usize) -> bool {
    let have = memory_size(0) << 16;
    end <= have || memory_grow(0, (end - have + 0xffff) >> 16) != usize::MAX
}

/// Bytes of the call that grow: text that a handler composes. It implements
/// `core::fmt::Write`.
pub struct Buffer<'a> {
    at: usize,
    len: usize,
    call: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<'a> Buffer<'a> {
    pub(crate) fn new() -> Self {
        Buffer { at: MEMORY.used(), len: 0, call: PhantomData }
    }

    /// Appends bytes.
    pub fn push(&mut self, more: &[u8]) -> &mut Self {
        if self.at + self.len != MEMORY.used() {
            let moved = MEMORY.alloc(self.len, 1);
            // Safety: both have len bytes, and moved is new.
            unsafe { core::ptr::copy_nonoverlapping(self.at as *const u8, moved, self.len) };
            self.at = moved as usize;
        }
        let end = MEMORY.alloc(more.len(), 1);
        // Safety: end is new.
        unsafe { core::ptr::copy_nonoverlapping(more.as_ptr(), end, more.len()) };
        self.len += more.len();
        self
    }

    pub(crate) fn increment_first(&mut self) {
        // Safety: the caller has pushed a byte.
        unsafe { *(self.at as *mut u8) += 1 }
    }

    /// Returns the bytes.
    pub fn bytes(self) -> &'a [u8] {
        // Safety: they belong to this buffer and live as long as the call.
        unsafe { slice::from_raw_parts(self.at as *const u8, self.len) }
    }
}

impl core::fmt::Write for Buffer<'_> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

#[cfg(feature = "alloc")]
mod global {
    use core::alloc::{GlobalAlloc, Layout};

    struct Bump;

    #[global_allocator]
    static GLOBAL: Bump = Bump;

    // Safety: alloc returns new, aligned memory, or panics.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            super::MEMORY.alloc(layout.size(), layout.align())
        }
        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }
}
