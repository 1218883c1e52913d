//! Websockets.

use crate::event::{Event, Packed};
use crate::host::Host;
use crate::json::{json_member, json_text};
use crate::memory::MEMORY;
use crate::message::{Fields, Message, MAX_FIELDS};

/// The handlers of websockets. One that is not implemented does nothing.
pub trait Consumer {
    /// Handles a handshake, which [`Socket::reject`] rejects.
    fn open<'a>(_host: Host<'a>, _socket: &mut Socket<'a>) {}
    /// Handles a message of the client.
    fn message<'a>(_host: Host<'a>, _socket: &mut Socket<'a>, _data: &'a [u8], _binary: bool) {}
    /// Handles the last event. The client cannot be reached. The code is 1006 if the
    /// connection broke.
    fn close<'a>(_host: Host<'a>, _socket: &mut Socket<'a>, _code: u16, _reason: &'a [u8]) {}
    /// Handles a message to a group of the socket, or to its channel.
    fn group<'a>(_host: Host<'a>, _socket: &mut Socket<'a>, _event: Packed<'a>) {}
    /// Handles the expiry of the timer.
    fn timer<'a>(_host: Host<'a>, _socket: &mut Socket<'a>) {}
}

/// A websocket during one event. Its methods request effects, which the host executes after
/// the event.
pub struct Socket<'a> {
    message: Message<'a>,
    /// The name of the route that matched.
    pub route: &'a [u8],
    /// The tenant's schema.
    pub schema: &'a [u8],
    /// None for a static tenant.
    pub tenant_id: Option<&'a [u8]>,
    /// The tenant's name in file paths and URLs.
    pub identifier: &'a [u8],
    /// The argument of the last `set_state`, in this event or before.
    pub state: &'a [u8],
    /// The name for sending to this socket, empty before `open_channel` or `group_add`.
    pub channel: &'a [u8],
    changed: bool,
    status: u32,
    protocol: Option<&'a [u8]>,
    kinds: [u8; (MAX_FIELDS - 3) / 2],
    fields: Fields<'a>,
    effects: usize,
}

impl<'a> Socket<'a> {
    pub(crate) fn of(message: Message<'a>) -> Self {
        let f = |i| message.field(i).unwrap_or_default();
        Socket {
            message,
            route: f(0),
            schema: f(1),
            tenant_id: message.field(2),
            identifier: f(3),
            state: f(4),
            channel: f(5),
            changed: false,
            status: 0,
            protocol: None,
            kinds: [0; (MAX_FIELDS - 3) / 2],
            fields: Fields::new(&[None; 3]),
            effects: 0,
        }
    }

    /// Returns a value of the route as text. Like the following, it is for `open`.
    pub fn kwarg(&self, host: Host<'a>, name: &[u8]) -> Option<&'a [u8]> {
        json_text(host, json_member(self.message.field(7)?, name)?)
    }

    /// Returns the decoded path.
    pub fn path(&self) -> &'a [u8] {
        self.message.field(8).unwrap_or_default()
    }

    /// Returns the subprotocols that the client offers, separated by line feeds.
    pub fn protocols(&self) -> Option<&'a [u8]> {
        self.message.field(9)
    }

    /// Returns the value of header i of "consumer_headers".
    pub fn header(&self, i: usize) -> Option<&'a [u8]> {
        self.message.field(i.saturating_add(10))
    }

    /// Rejects a handshake with an HTTP status of 400 to 599.
    pub fn reject(&mut self, status: u16) {
        self.status = status as u32;
    }

    /// Chooses one of the subprotocols that the client offers.
    pub fn accept(&mut self, protocol: &'a [u8]) {
        self.protocol = Some(protocol);
    }

    /// Sets the state of the next events, at most 4 KiB.
    pub fn set_state(&mut self, state: &'a [u8]) {
        (self.state, self.changed) = (state, true);
    }

    /// Sends text, which must be UTF-8.
    pub fn send_text(&mut self, text: &'a [u8]) {
        self.effect(1, b"", Some(text));
    }

    /// Sends bytes.
    pub fn send_binary(&mut self, data: &'a [u8]) {
        self.effect(2, b"", Some(data));
    }

    /// Adds the socket to a group of the tenant.
    pub fn group_add(&mut self, group: &'a [u8]) {
        self.effect(3, group, None);
    }

    /// Removes the socket from a group.
    pub fn group_discard(&mut self, group: &'a [u8]) {
        self.effect(4, group, None);
    }

    /// Sends an event to all members of a group.
    pub fn group_send(&mut self, group: &'a [u8], event: Event<'a>) {
        self.effect(5, group, Some(event.bytes()));
    }

    /// Sends an event to a channel.
    pub fn channel_send(&mut self, channel: &'a [u8], event: Event<'a>) {
        self.effect(6, channel, Some(event.bytes()));
    }

    /// Calls the timer handler once after that time; 0 cancels it.
    pub fn set_timer(&mut self, host: Host<'a>, milliseconds: u32) {
        self.effect(7, b"", Some(host.concat(&[&milliseconds.to_le_bytes()])));
    }

    /// Closes the websocket with a status code of RFC 6455. It is the last effect.
    pub fn close(&mut self, host: Host<'a>, code: u16, reason: &'a [u8]) {
        self.effect(8, reason, Some(host.concat(&[&code.to_le_bytes()])));
    }

    /// Gives the socket a channel. The next events have its name.
    pub fn open_channel(&mut self) {
        self.effect(9, b"", None);
    }

    fn effect(&mut self, kind: u8, name: &'a [u8], data: Option<&'a [u8]>) {
        self.fields.push(if name.is_empty() { None } else { Some(name) });
        self.fields.push(data);
        self.kinds[self.effects] = kind;
        self.effects += 1;
    }

    pub(crate) fn reply(&mut self) -> u64 {
        if self.status != 0 {
            return MEMORY.reply(self.status << 16, &mut Fields::new(&[None]));
        }
        let state = if self.changed { Some(self.state) } else { None };
        if self.effects == 0 && self.protocol.is_none() {
            return MEMORY.reply(0, &mut Fields::new(&[state]));
        }
        let kinds = Host::new().concat(&[&self.kinds[..self.effects]]);
        let kinds = if self.effects == 0 { None } else { Some(kinds) };
        self.fields.all()[..3].copy_from_slice(&[state, self.protocol, kinds]);
        MEMORY.reply(0, &mut self.fields)
    }
}
