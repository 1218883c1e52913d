//! The websocket consumer of examples/chatroom in Rust. Its own routing finds the tenant by
//! the domain, and serves websockets of the path /rooms/NAME.
//!
//!     cargo build --release
#![no_std]

use tenantedge::{until, Consumer, Decision, Event, Host, Outcome, Packed, Request, Socket};

tenantedge::guest!(r#"{"name":"chatroom","version":"1","consumer":true}"#);
tenantedge::route!(route);
tenantedge::consumer!(Chatroom);

const IDLE: u32 = 60 * 60 * 1000; // milliseconds
const MAX_MESSAGE: usize = 4 << 10;
const POLICY: u16 = 1008;
const GOING_AWAY: u16 = 1001;

struct Chatroom;

fn chat_message<'a>(host: Host<'a>, text: &[u8]) -> Event<'a> {
    Event::new(host, b"chat.message").text(b"text", text)
}

/// Reports whether room is valid in a group's name.
fn is_name(room: &[u8]) -> bool {
    let valid = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    (1..=30).contains(&room.len()) && room.iter().all(valid)
}

impl Consumer for Chatroom {
    fn open<'a>(host: Host<'a>, s: &mut Socket<'a>) {
        let room = s.kwarg(host, b"room").unwrap_or_default();
        if !is_name(room) {
            return s.reject(404);
        }
        let group = host.concat(&[b"room_", room]);
        s.group_add(group);
        s.set_state(group);
        s.set_timer(host, IDLE);
        s.group_send(group, chat_message(host, b"someone came in"));
    }

    fn message<'a>(host: Host<'a>, s: &mut Socket<'a>, data: &'a [u8], binary: bool) {
        if binary || data.len() > MAX_MESSAGE {
            return s.close(host, POLICY, b"expected a short text");
        }
        s.set_timer(host, IDLE);
        s.group_send(s.state, chat_message(host, data));
    }

    fn group<'a>(_: Host<'a>, s: &mut Socket<'a>, event: Packed<'a>) {
        match event.text(b"text") {
            Some(text) if event.kind() == b"chat.message" => s.send_text(text),
            _ => {}
        }
    }

    fn timer<'a>(host: Host<'a>, s: &mut Socket<'a>) {
        s.close(host, GOING_AWAY, b"idle for an hour");
    }

    fn close<'a>(host: Host<'a>, s: &mut Socket<'a>, _code: u16, _reason: &'a [u8]) {
        s.group_send(s.state, chat_message(host, b"someone left"));
    }
}

fn route<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) {
    let domain = until(r.host.unwrap_or_default(), b':');
    let row = match host.tenant_by_domain(domain, b"") {
        Ok(row) => row,
        Err(_) => return d.refuse(Outcome::Missing, b"no tenant has this domain"),
    };
    d.serve(&row, domain);
    let path = until(r.target.unwrap_or_default(), b'?');
    d.path = Some(path);
    match path.strip_prefix(b"/rooms/") {
        Some(room) if r.is_websocket() && is_name(room) => {
            d.route = Some(b"room");
            d.kwargs = Some(host.concat(&[b"{\"room\":\"", room, b"\"}"]));
        }
        _ => {}
    }
}
