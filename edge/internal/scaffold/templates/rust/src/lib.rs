//! A guest: it decides which tenant a request is for.
#![no_std]

use tenantedge::{until, Decision, Host, Outcome, Request};

tenantedge::guest!(r#"{"name":"first label","version":"1"}"#);
tenantedge::route!(route);

/// Finds the tenant by the first label of the host: acme.example.com is for the tenant
/// acme. Requests for other hosts are refused with 404.
fn route<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) {
    let domain = r.host.unwrap_or_default();
    let label = until(domain, b'.');
    match host.tenant_by_reference(label) {
        Ok(tenant) => d.serve(&tenant, domain),
        Err(_) => d.refuse(Outcome::Missing, host.concat(&[b"no tenant is named ", label])),
    }
}
