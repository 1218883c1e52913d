//! The guest of examples/minimal in Rust: the schema is the part of the host before the first
//! dot, and cache keys have a version of the guest's.
//!
//!     cargo build --release
#![no_std]

use tenantedge::{until, Decision, Host, KeyRequest, Outcome, Request};

tenantedge::guest!(r#"{"name":"minimal","version":"1"}"#);
tenantedge::route!(route);
tenantedge::cache_key!(cache_key);

fn route<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) {
    let domain = r.host.unwrap_or_default();
    match host.tenant_by_reference(until(domain, b'.')) {
        Ok(row) => d.serve(&row, domain),
        Err(e) => {
            let reason = host.concat(&[b"no tenant has the host's first label as its schema or id: ", e.text().as_bytes()]);
            d.refuse(Outcome::Missing, reason);
        }
    }
}

fn cache_key<'a>(host: Host<'a>, r: &KeyRequest<'a>) -> Result<&'a [u8], &'a [u8]> {
    let version = host.concat(&[b"v2-", r.version]);
    Ok(host.cache_key(r.schema, r.prefix, version, r.key))
}
