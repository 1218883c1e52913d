//! What the exported functions do.

use crate::event::Packed;
use crate::host::Host;
use crate::keys::{Access, KeyRequest, PathReply, PathRequest, Verdict};
use crate::memory::{pack, MEMORY};
use crate::message::{Fields, Message};
use crate::route::{Decision, Request};
use crate::websocket::{Consumer, Socket};

pub const ABI_VERSION: u32 = 1;
const MAX_REASON: usize = 1024;

pub fn buffer(size: u32) -> u32 {
    MEMORY.buffer(size as usize) as u32
}

fn begin<'a>(len: u32) -> Option<Message<'a>> {
    Message::parse(MEMORY.begin(len)?)
}

pub fn configure(len: u32, handler: for<'a> fn(Host<'a>, &'a [u8]) -> &'a [u8]) -> u64 {
    let config = match MEMORY.begin(len) {
        Some(config) => config,
        None => return 0,
    };
    let start = MEMORY.begin_kept();
    let reply = handler(Host::new(), config);
    MEMORY.end_kept(start);
    pack(reply.as_ptr() as usize, reply.len())
}

pub fn route(len: u32, handler: for<'a> fn(Host<'a>, &Request<'a>, &mut Decision<'a>)) -> u64 {
    let m = match begin(len) {
        Some(m) => m,
        None => return 0,
    };
    let mut d = Decision::new();
    handler(Host::new(), &Request::of(m), &mut d);
    d.reply()
}

pub fn key(len: u32, handler: for<'a> fn(Host<'a>, &KeyRequest<'a>) -> Result<&'a [u8], &'a [u8]>) -> u64 {
    let m = match begin(len) {
        Some(m) => m,
        None => return 0,
    };
    MEMORY.reply(0, &mut match handler(Host::new(), &KeyRequest::of(&m)) {
        Ok(key) => Fields::new(&[Some(key), None]),
        Err(reason) => Fields::new(&[None, Some(&reason[..reason.len().min(MAX_REASON)])]),
    })
}

pub fn pathname(len: u32, handler: for<'a> fn(Host<'a>, &PathRequest<'a>) -> PathReply<'a>) -> u64 {
    let m = match begin(len) {
        Some(m) => m,
        None => return 0,
    };
    let p = handler(Host::new(), &PathRequest::of(&m));
    let error = p.error.map(|e| &e[..e.len().min(MAX_REASON)]);
    MEMORY.reply(0, &mut Fields::new(&[p.identifier, p.base_location, p.tenant_url, p.path, p.url, error]))
}

pub fn authorize(len: u32, handler: for<'a> fn(Host<'a>, &Access<'a>) -> Verdict) -> u64 {
    match begin(len) {
        Some(m) => MEMORY.reply(handler(Host::new(), &Access::of(m)) as u32, &mut Fields::new(&[])),
        None => 0,
    }
}

pub fn event(len: u32, handler: for<'a> fn(&Message<'a>, &mut Socket<'a>) -> Option<()>) -> u64 {
    let m = match begin(len) {
        Some(m) => m,
        None => return 0,
    };
    let mut s = Socket::of(m);
    match handler(&m, &mut s) {
        Some(()) => s.reply(),
        None => 0,
    }
}

fn data<'a>(m: &Message<'a>) -> &'a [u8] {
    m.field(6).unwrap_or_default()
}

pub fn open<C: Consumer>(_: &Message<'_>, s: &mut Socket<'_>) -> Option<()> {
    C::open(Host::new(), s);
    Some(())
}

pub fn message<'a, C: Consumer>(m: &Message<'a>, s: &mut Socket<'a>) -> Option<()> {
    C::message(Host::new(), s, data(m), m.word & 1 != 0);
    Some(())
}

pub fn close<'a, C: Consumer>(m: &Message<'a>, s: &mut Socket<'a>) -> Option<()> {
    C::close(Host::new(), s, (m.word >> 16) as u16, data(m));
    Some(())
}

pub fn group<'a, C: Consumer>(m: &Message<'a>, s: &mut Socket<'a>) -> Option<()> {
    C::group(Host::new(), s, Packed::parse(data(m))?);
    Some(())
}

pub fn timer<C: Consumer>(_: &Message<'_>, s: &mut Socket<'_>) -> Option<()> {
    C::timer(Host::new(), s);
    Some(())
}
