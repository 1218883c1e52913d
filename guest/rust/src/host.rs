//! Host functions.

use crate::memory::{Buffer, MEMORY};
use crate::message::Message;
use core::marker::PhantomData;

#[link(wasm_import_module = "tenantedge")]
extern "C" {
    fn tenant_by_domain(domain: *const u8, len: u32, folder: *const u8, folder_len: u32, out: *mut u8, cap: u32) -> i64;
    fn tenant_by_reference(r: *const u8, len: u32, out: *mut u8, cap: u32) -> i64;
    fn primary_domain(id: *const u8, len: u32, out: *mut u8, cap: u32) -> i64;
    #[allow(clippy::too_many_arguments)]
    fn query(schema: *const u8, s: u32, name: *const u8, n: u32, args: *const u8, a: u32, out: *mut u8, cap: u32) -> i64;
    #[link_name = "log"]
    fn host_log(level: i32, text: *const u8, len: u32);
    #[link_name = "log_attrs"]
    fn host_log_attrs(level: i32, text: *const u8, len: u32, attrs: *const u8, size: u32);
    fn clock() -> i64;
    #[link_name = "random"]
    fn host_random(out: *mut u8, len: u32) -> u32;
    fn file_open(name: *const u8, len: u32, mode: u32) -> i64;
    fn file_read(handle: u32, out: *mut u8, cap: u32) -> i64;
    fn file_close(handle: u32, out: *mut u8, cap: u32) -> i64;
}

const MAX_NAME: usize = 1024;
const MAX_ANSWER: i64 = 64 << 20;

/// The reason why a host function has no answer: an abi.Errno.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub u32);

#[allow(missing_docs)]
impl Errno {
    pub const NOT_FOUND: Errno = Errno(1);
    pub const FAULT: Errno = Errno(2);
    pub const INVALID: Errno = Errno(3);
    pub const DENIED: Errno = Errno(4);
    pub const LIMIT: Errno = Errno(5);
    pub const TIMEOUT: Errno = Errno(6);
    pub const UNAVAILABLE: Errno = Errno(7);
    pub const INTERNAL: Errno = Errno(8);
}

impl Errno {
    /// Returns the errno as text.
    pub fn text(self) -> &'static str {
        match self.0 {
            1 => "tenantedge: not found",
            2 => "tenantedge: address outside of memory",
            3 => "tenantedge: invalid argument",
            4 => "tenantedge: not allowed",
            5 => "tenantedge: over a limit",
            6 => "tenantedge: timed out",
            7 => "tenantedge: unavailable",
            8 => "tenantedge: host failed",
            _ => "tenantedge: unknown errno",
        }
    }

    fn of(n: i64) -> Errno {
        Errno(u32::try_from(-(n as i128)).unwrap_or(8))
    }
}

impl core::fmt::Display for Errno {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())
    }
}

/// The severity of a log line, as in log/slog.
#[derive(Clone, Copy)]
#[repr(i32)]
#[allow(missing_docs)]
pub enum Level {
    Debug = -4,
    Info = 0,
    Warn = 4,
    Error = 8,
}

/// Writes a line to the host's log, which truncates it to 1,024 bytes.
pub fn log(level: Level, line: &[u8]) {
    // Safety: the host reads len bytes.
    unsafe { host_log(level as i32, line.as_ptr(), line.len() as u32) }
}

/// Returns nanoseconds since 1970-01-01 UTC. The clock is fixed while the guest is
/// configured.
pub fn now() -> i64 {
    // Safety: it has no arguments.
    unsafe { clock() }
}

/// Fills `out` from the host's cryptographic source. While the guest is configured, the
/// bytes are fixed: derive no secrets from them.
pub fn random(out: &mut [u8]) -> Result<(), Errno> {
    for part in out.chunks_mut(1 << 16) {
        // Safety: the host writes len bytes.
        match unsafe { host_random(part.as_mut_ptr(), part.len() as u32) } {
            0 => {}
            e => return Err(Errno(e)),
        }
    }
    Ok(())
}

/// The host functions with an answer, which lives as long as the call.
#[derive(Clone, Copy)]
pub struct Host<'a>(PhantomData<fn(&'a ()) -> &'a ()>);

impl<'a> Host<'a> {
    pub(crate) fn new() -> Self {
        Host(PhantomData)
    }

    /// Returns an empty buffer for text that the guest composes.
    pub fn buffer(self) -> Buffer<'a> {
        Buffer::new()
    }

    /// Returns the parts as one text.
    pub fn concat(self, parts: &[&[u8]]) -> &'a [u8] {
        let mut b = Buffer::new();
        for part in parts {
            b.push(part);
        }
        b.bytes()
    }

    /// Writes a line with attributes, names and values, at most 16. The host replaces line
    /// breaks and control characters in them.
    pub fn log_attrs(self, level: Level, line: &[u8], attrs: &[(&[u8], &[u8])]) {
        let mut b = self.buffer();
        let mut at = 8 + 16 * attrs.len();
        b.push(&[0; 4]).push(&(2 * attrs.len() as u32).to_le_bytes());
        for text in attrs.iter().flat_map(|&(name, value)| [name, value]) {
            b.push(&(at as u32).to_le_bytes()).push(&(text.len() as u32).to_le_bytes());
            at += text.len();
        }
        for (name, value) in attrs {
            b.push(name).push(value);
        }
        let b = b.bytes();
        // Safety: the host reads both.
        unsafe { host_log_attrs(level as i32, line.as_ptr(), line.len() as u32, b.as_ptr(), b.len() as u32) }
    }

    /// Returns schema:prefix:version:key, as Django's applications make cache keys.
    pub fn cache_key(self, schema: &[u8], prefix: &[u8], version: &[u8], key: &[u8]) -> &'a [u8] {
        let schema = if schema.is_empty() { b"public" } else { schema };
        self.concat(&[schema, b":", prefix, b":", version, b":", key])
    }

    /// Finds the domain row of (domain, folder), else that of (domain, "").
    pub fn tenant_by_domain(self, domain: &[u8], folder: &[u8]) -> Result<Record<'a>, Errno> {
        if domain.len() > MAX_NAME {
            return Err(Errno::NOT_FOUND);
        }
        let folder = if folder.len() > MAX_NAME { b"" } else { folder };
        // Safety: the host reads the arguments, and writes at most cap bytes to out.
        Record::parse(answer(|out, cap| unsafe {
            tenant_by_domain(domain.as_ptr(), domain.len() as u32, folder.as_ptr(), folder.len() as u32, out, cap)
        }))
    }

    /// Finds the tenant with that id, ignoring case, or that schema name.
    pub fn tenant_by_reference(self, reference: &[u8]) -> Result<Record<'a>, Errno> {
        if reference.len() > MAX_NAME {
            return Err(Errno::NOT_FOUND);
        }
        // Safety: as above.
        Record::parse(answer(|out, cap| unsafe { tenant_by_reference(reference.as_ptr(), reference.len() as u32, out, cap) }))
    }

    /// Finds the primary domain row of the tenant with that id.
    pub fn primary_domain(self, id: &[u8]) -> Result<Record<'a>, Errno> {
        // Safety: as above.
        Record::parse(answer(|out, cap| unsafe { primary_domain(id.as_ptr(), id.len() as u32, out, cap) }))
    }

    /// Runs the read-only statement that the configuration has under `name`, in the
    /// search_path of `schema`, with `args`, a JSON array. Returns a JSON array of objects. An
    /// empty schema is for statements with `schema: public`, before the tenant is known.
    pub fn query(self, schema: &[u8], name: &[u8], args: &[u8]) -> Result<&'a [u8], Errno> {
        // Safety: as above.
        answer(|out, cap| unsafe {
            query(schema.as_ptr(), schema.len() as u32, name.as_ptr(), name.len() as u32, args.as_ptr(), args.len() as u32, out, cap)
        })
    }

    /// Reads a file of the tenant that the call has found. The error is `Errno::LIMIT` if it
    /// has more than `most` bytes.
    pub fn read_file(self, name: &[u8], most: u32) -> Result<&'a [u8], Errno> {
        // Safety: the host reads the name.
        let handle = unsafe { file_open(name.as_ptr(), name.len() as u32, 0) };
        if handle < 0 {
            return Err(Errno::of(handle));
        }
        let start = MEMORY.take(0).as_ptr() as usize;
        let mut len = 0;
        let result = loop {
            let (out, cap) = MEMORY.room(4096);
            let cap = cap.min((most - len).saturating_add(1)); // one more, to notice a longer file
            // Safety: the host writes at most cap bytes.
            match unsafe { file_read(handle as u32, out, cap) } {
                0 => break Ok(len),
                n if n < 0 => break Err(Errno::of(n)),
                n if n > cap as i64 => break Err(Errno::INTERNAL),
                n => {
                    MEMORY.take(n as usize);
                    len += n as u32;
                }
            }
            if len > most {
                break Err(Errno::LIMIT);
            }
        };
        // Safety: there is no answer.
        unsafe { file_close(handle as u32, core::ptr::null_mut(), 0) };
        // Safety: the bytes were taken in order.
        result.map(|len| unsafe { core::slice::from_raw_parts(start as *const u8, len as usize) })
    }
}

/// Calls a host function with a buffer for its answer, again if that was too small.
fn answer<'a>(call: impl Fn(*mut u8, u32) -> i64) -> Result<&'a [u8], Errno> {
    let (mut out, mut cap) = MEMORY.room(4096);
    let mut n = call(out, cap);
    if n > cap as i64 && n <= MAX_ANSWER {
        (out, cap) = MEMORY.room(n as usize);
        n = call(out, cap);
    }
    match n {
        n if n < 0 => Err(Errno::of(n)),
        n if n > cap as i64 => Err(Errno::LIMIT),
        n => Ok(MEMORY.take(n as usize)),
    }
}

/// A tenant that a lookup found.
pub struct Record<'a> {
    message: Message<'a>,
    /// The tenant's id.
    pub id: &'a [u8],
    /// The tenant's schema.
    pub schema: &'a [u8],
    /// The domain of the row; None in a lookup by reference.
    pub domain: Option<&'a [u8]>,
    /// The folder of the row.
    pub folder: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    fn parse(answer: Result<&'a [u8], Errno>) -> Result<Self, Errno> {
        let message = Message::parse(answer?).ok_or(Errno::INTERNAL)?;
        let field = |i| message.field(i);
        Ok(Record { message, id: field(0).unwrap_or_default(), schema: field(1).unwrap_or_default(), domain: field(2), folder: field(3) })
    }

    /// Returns an attribute, a further column of the tenant's row.
    pub fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        let found = (4..self.message.n).step_by(2).find(|&i| self.message.field(i) == Some(name))?;
        self.message.field(found + 1)
    }

    /// Reports whether the row is the tenant's primary one.
    pub fn is_primary(&self) -> bool {
        self.message.word & 1 != 0
    }

    /// Reports whether requests for the row are to be redirected to the primary row.
    pub fn redirect_to_primary(&self) -> bool {
        self.message.word & 2 != 0
    }

    /// Reports whether several rows are primary, of which this is the first.
    pub fn is_ambiguous(&self) -> bool {
        self.message.word & 4 != 0
    }
}
