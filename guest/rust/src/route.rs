//! Requests and decisions.

use crate::host::Record;
use crate::memory::MEMORY;
use crate::message::{Fields, Message};

const MAX_REASON: usize = 1024;
const MAX_HEADERS: usize = 32;

/// A request. Absent values are None.
pub struct Request<'a> {
    message: Message<'a>,
    /// The method.
    pub method: &'a [u8],
    /// http or https, as the client speaks it to the edge.
    pub scheme: &'a [u8],
    /// The Host header.
    pub host: Option<&'a [u8]>,
    /// The request-target as on the wire.
    pub target: Option<&'a [u8]>,
    /// The value under the session key, as JSON.
    pub session: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    pub(crate) fn of(message: Message<'a>) -> Self {
        let f = |i| message.field(i);
        Request { message, method: f(0).unwrap_or_default(), scheme: f(1).unwrap_or_default(), host: f(2), target: f(3), session: f(4) }
    }

    /// Returns the value of header i of "headers" in the JSON of the configuration. Repeated
    /// values are joined by line feeds.
    pub fn header(&self, i: usize) -> Option<&'a [u8]> {
        self.message.field(i.saturating_add(5))
    }

    /// Reports whether the guest may use the header that names a tenant.
    pub fn is_trusted(&self) -> bool {
        self.message.word & 1 != 0
    }

    /// Reports whether the request is the handshake of a websocket.
    pub fn is_websocket(&self) -> bool {
        self.message.word & 2 != 0
    }
}

/// The kind of a decision.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Outcome {
    Tenant = 1,
    Redirect = 2,
    /// No tenant: 404.
    Missing = 3,
    /// The request continues without a tenant.
    None = 4,
    /// 400.
    BadRequest = 5,
    /// 421.
    Conflict = 6,
}

/// A decision. It is `Outcome::Missing` at first. The fields are those of abi.DecSchema and
/// the following; those that are None are not sent.
#[allow(missing_docs)]
pub struct Decision<'a> {
    pub outcome: Outcome,
    pub status: u16,
    /// The tenant is a row of the directory.
    pub dynamic: bool,
    /// The reference is from the session.
    pub by_session: bool,
    pub schema: Option<&'a [u8]>,
    pub tenant_id: Option<&'a [u8]>,
    pub domain: Option<&'a [u8]>,
    pub folder: Option<&'a [u8]>,
    pub reference: Option<&'a [u8]>,
    pub urlconf: Option<&'a [u8]>,
    pub ws_urlconf: Option<&'a [u8]>,
    /// Decoded path that the tenant's handler sees; `None`: that of the request.
    pub path: Option<&'a [u8]>,
    pub location: Option<&'a [u8]>,
    pub identifier: Option<&'a [u8]>,
    pub cache_prefix: Option<&'a [u8]>,
    pub reason: Option<&'a [u8]>,
    pub route: Option<&'a [u8]>,
    pub kwargs: Option<&'a [u8]>,
    headers: Fields<'a>,
    set: usize,
}

impl<'a> Decision<'a> {
    pub(crate) fn new() -> Self {
        Decision {
            outcome: Outcome::Missing,
            status: 404,
            dynamic: false,
            by_session: false,
            schema: None,
            tenant_id: None,
            domain: None,
            folder: None,
            reference: None,
            urlconf: None,
            ws_urlconf: None,
            path: None,
            location: None,
            identifier: None,
            cache_prefix: None,
            reason: None,
            route: None,
            kwargs: None,
            headers: Fields::new(&[None; 14]),
            set: 0,
        }
    }

    /// Sets the decision to the tenant of a row that was found by the domain.
    pub fn serve(&mut self, row: &Record<'a>, domain: &'a [u8]) {
        (self.outcome, self.status, self.dynamic) = (Outcome::Tenant, 200, true);
        let filled = |f: &'a [u8]| if f.is_empty() { None } else { Some(f) };
        (self.schema, self.tenant_id) = (filled(row.schema), filled(row.id));
        self.cache_prefix = self.schema;
        self.identifier = filled(row.attribute(b"schema_pathname").unwrap_or(row.schema));
        (self.domain, self.folder) = (Some(domain), Some(row.folder.unwrap_or_default()));
    }

    /// Sets the outcome `Missing`, `BadRequest` or `Conflict`. The reason is one sentence for
    /// the host's log.
    pub fn refuse(&mut self, outcome: Outcome, reason: &'a [u8]) {
        *self = Decision::new();
        self.outcome = outcome;
        self.status = match outcome {
            Outcome::BadRequest => 400,
            Outcome::Conflict => 421,
            _ => 404,
        };
        self.reason = Some(&reason[..reason.len().min(MAX_REASON)]);
    }

    /// Sets a header of the request to the upstream. Name it in "set_headers" of the JSON of
    /// the configuration, so that the host removes what a client sends under the name.
    pub fn set_header(&mut self, name: &'a [u8], value: &'a [u8]) {
        if self.set == MAX_HEADERS {
            panic!("expected at most 32 headers");
        }
        self.set += 1;
        self.headers.push(Some(name));
        self.headers.push(Some(value));
    }

    pub(crate) fn reply(&mut self) -> u64 {
        let first = [
            self.schema, self.tenant_id, self.domain, self.folder, self.reference, self.urlconf, self.ws_urlconf,
            self.path, self.location, self.identifier, self.cache_prefix, self.reason, self.route, self.kwargs,
        ];
        self.headers.all()[..14].copy_from_slice(&first);
        let flags = (self.dynamic as u32) << 8 | (self.by_session as u32) << 9;
        MEMORY.reply(self.outcome as u32 | flags | (self.status as u32) << 16, &mut self.headers)
    }
}
