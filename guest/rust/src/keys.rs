//! Cache keys, path names and private files.

use crate::message::Message;

/// A request for a cache key. That of a reverse key has only `key`.
#[allow(missing_docs)]
pub struct KeyRequest<'a> {
    pub schema: &'a [u8],
    pub prefix: &'a [u8],
    pub version: &'a [u8],
    pub key: &'a [u8],
}

impl<'a> KeyRequest<'a> {
    pub(crate) fn of(m: &Message<'a>) -> Self {
        let f = |i| m.field(i).unwrap_or_default();
        KeyRequest { schema: f(0), prefix: f(1), version: f(2), key: f(3) }
    }
}

/// A request for the path and the URL of a tenant's file: the fields of abi.PathSchema.
#[allow(missing_docs)]
pub struct PathRequest<'a> {
    pub schema: &'a [u8],
    pub folder: &'a [u8],
    pub schema_pathname: Option<&'a [u8]>,
    pub location: &'a [u8],
    pub base_url: &'a [u8],
    /// None: only the bases are wanted.
    pub name: Option<&'a [u8]>,
}

impl<'a> PathRequest<'a> {
    pub(crate) fn of(m: &Message<'a>) -> Self {
        let f = |i| m.field(i).unwrap_or_default();
        PathRequest { schema: f(0), folder: f(1), schema_pathname: m.field(2), location: f(3), base_url: f(4), name: m.field(5) }
    }
}

/// The reply to a [`PathRequest`]: the fields of abi.PathIdentifier.
#[allow(missing_docs)]
#[derive(Default)]
pub struct PathReply<'a> {
    pub identifier: Option<&'a [u8]>,
    pub base_location: Option<&'a [u8]>,
    pub tenant_url: Option<&'a [u8]>,
    pub path: Option<&'a [u8]>,
    pub url: Option<&'a [u8]>,
    pub error: Option<&'a [u8]>,
}

/// A request for a private file: the fields of abi.AuthSchema.
#[allow(missing_docs)]
pub struct Access<'a> {
    message: Message<'a>,
    pub schema: &'a [u8],
    pub tenant_id: Option<&'a [u8]>,
    pub method: &'a [u8],
    pub path: &'a [u8],
    /// None: the path is not that of a file of the tenant.
    pub name: Option<&'a [u8]>,
    pub host: &'a [u8],
    pub folder: &'a [u8],
    pub urlconf: &'a [u8],
}

impl<'a> Access<'a> {
    pub(crate) fn of(message: Message<'a>) -> Self {
        let f = |i| message.field(i).unwrap_or_default();
        Access {
            message, schema: f(0), tenant_id: message.field(1), method: f(2), path: f(3), name: message.field(4), host: f(5), folder: f(6), urlconf: f(7),
        }
    }

    /// Returns the value of header i of "authorize_headers".
    pub fn header(&self, i: usize) -> Option<&'a [u8]> {
        self.message.field(i.saturating_add(8))
    }
}

/// The answer to an [`Access`].
#[derive(Clone, Copy)]
pub enum Verdict {
    /// The file is sent.
    Allow = 1,
    /// 403.
    Deny = 2,
    /// 404, as for a missing file.
    Hide = 3,
}
