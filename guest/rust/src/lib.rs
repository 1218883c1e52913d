//! SDK for guests of tenantedge, without `std` and without dependencies.
//!
//! ```ignore
//! #![no_std]
//! use tenantedge::{until, Decision, Host, Outcome, Request};
//!
//! tenantedge::guest!(r#"{"name":"mine","version":"1"}"#);
//! tenantedge::route!(route);
//!
//! fn route<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) {
//!     let name = r.host.unwrap_or_default();
//!     match host.tenant_by_reference(until(name, b'.')) {
//!         Ok(row) => d.serve(&row, name),
//!         Err(_) => d.refuse(Outcome::Missing, b"unknown tenant"),
//!     }
//! }
//! ```
//!
//! Values borrow the memory of the call, `'a`: nothing is copied, and nothing outlives the
//! handler. Text is `&[u8]`, since a client can send any bytes; [`utf8`] gives a `&str`.
//! The contract is guest/abi/abi.go.

#![no_std]
#![warn(missing_docs)]

mod event;
mod host;
mod json;
mod keys;
mod memory;
mod message;
#[cfg(feature = "panic-handler")]
mod panic;
mod route;
#[doc(hidden)]
pub mod run;
mod websocket;

pub use event::{Event, Packed};
pub use host::{log, now, random, Errno, Host, Level, Record};
pub use json::{json_member, json_text};
pub use keys::{Access, KeyRequest, PathReply, PathRequest, Verdict};
pub use memory::Buffer;
pub use route::{Decision, Outcome, Request};
pub use websocket::{Consumer, Socket};

/// Returns the part of `text` before the first `end`, or `text` if there is none.
pub fn until(text: &[u8], end: u8) -> &[u8] {
    match text.iter().position(|&c| c == end) {
        Some(at) => &text[..at],
        None => text,
    }
}

/// Returns `text` as a `&str` if it is UTF-8.
pub fn utf8(text: &[u8]) -> Option<&str> {
    core::str::from_utf8(text).ok()
}

/// Defines the exports that every guest has. The argument is the reply to te_configure, the
/// JSON of an abi.Configured, or a function from a [`Host`] and the JSON of an abi.Config to
/// such a reply. What that function allocates with the `Host` is kept for all calls.
#[macro_export]
macro_rules! guest {
    ($json:literal) => {
        $crate::guest!(|_, _| $json.as_bytes());
    };
    ($configure:expr) => {
        #[no_mangle]
        pub extern "C" fn te_abi_version() -> u32 {
            $crate::run::ABI_VERSION
        }
        #[no_mangle]
        pub extern "C" fn te_buffer(size: u32) -> u32 {
            $crate::run::buffer(size)
        }
        #[no_mangle]
        pub extern "C" fn te_configure(len: u32) -> u64 {
            $crate::run::configure(len, $configure)
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($name:ident, $run:ident, $handler:expr) => {
        #[no_mangle]
        pub extern "C" fn $name(len: u32) -> u64 {
            $crate::run::$run(len, $handler)
        }
    };
}

/// Exports the handler of requests: `fn(Host<'a>, &Request<'a>, &mut Decision<'a>)`.
#[macro_export]
macro_rules! route {
    ($handler:expr) => {
        $crate::export!(te_route, route, $handler);
    };
}

/// Exports the handler of cache keys: `fn(Host<'a>, &KeyRequest<'a>) -> Result<&'a [u8], &'a [u8]>`.
#[macro_export]
macro_rules! cache_key {
    ($handler:expr) => {
        $crate::export!(te_cache_key, key, $handler);
    };
}

/// Exports the handler that finds the key of a cache key, which is the field `key`.
#[macro_export]
macro_rules! reverse_key {
    ($handler:expr) => {
        $crate::export!(te_reverse_key, key, $handler);
    };
}

/// Exports the handler of path names: `fn(Host<'a>, &PathRequest<'a>) -> PathReply<'a>`.
#[macro_export]
macro_rules! pathname {
    ($handler:expr) => {
        $crate::export!(te_pathname, pathname, $handler);
    };
}

/// Exports the handler of private files: `fn(Host<'a>, &Access<'a>) -> Verdict`.
#[macro_export]
macro_rules! authorize {
    ($handler:expr) => {
        $crate::export!(te_authorize, authorize, $handler);
    };
}

/// Exports the self-test: `fn() -> bool`, whether the guest works.
#[macro_export]
macro_rules! self_test {
    ($handler:expr) => {
        #[no_mangle]
        pub extern "C" fn te_self_test() -> i32 {
            let works: fn() -> bool = $handler;
            !works() as i32
        }
    };
}

/// Exports the handlers of websockets, a type that implements [`Consumer`]. The JSON of
/// [`guest!`] needs `"consumer":true`.
#[macro_export]
macro_rules! consumer {
    ($consumer:ty) => {
        $crate::export!(te_ws_open, event, $crate::run::open::<$consumer>);
        $crate::export!(te_ws_message, event, $crate::run::message::<$consumer>);
        $crate::export!(te_ws_close, event, $crate::run::close::<$consumer>);
        $crate::export!(te_ws_group, event, $crate::run::group::<$consumer>);
        $crate::export!(te_ws_timer, event, $crate::run::timer::<$consumer>);
    };
}
