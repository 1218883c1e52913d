//! The guest of ../main.go.
#![no_std]

use core::fmt::Write;
use tenantedge::{
    now, random, until, Access, Consumer, Decision, Errno, Event, Host, KeyRequest, Level, Outcome, PathReply, PathRequest, Request, Socket, Verdict,
};

tenantedge::guest!(|host, _| host.concat(&[b"{\"name\":\"probe\",\"headers\":[\"A\",\"B\"],", b"\"authorize_headers\":[\"A\"],\"consumer_headers\":[\"A\"],\"set_headers\":[\"X-Probe\"],\"consumer\":true}"]));
tenantedge::route!(route);
tenantedge::reverse_key!(reverse_key);
tenantedge::pathname!(pathname);
tenantedge::authorize!(authorize);
tenantedge::self_test!(|| true);
tenantedge::consumer!(Sockets);

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let target = target.strip_prefix(b"/").unwrap_or(target);
    match target.iter().position(|&c| c == b'/') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, b""),
    }
}

fn route<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) {
    let text = match answer(host, r, d) {
        Ok(None) => return,
        Ok(Some(text)) => text,
        Err(e) => {
            let mut b = host.buffer();
            let _ = write!(b, "{}", e);
            b.bytes()
        },
    };
    d.refuse(Outcome::BadRequest, text);
    d.reason = d.reason.filter(|r| !r.is_empty());
}

fn answer<'a>(host: Host<'a>, r: &Request<'a>, d: &mut Decision<'a>) -> Result<Option<&'a [u8]>, Errno> {
    let (command, argument) = split(r.target.unwrap_or_default());
    Ok(Some(match command {
        b"panic" => panic!("boom"),
        b"log" => {
            host.log_attrs(Level::Warn, argument, &[(b"path", argument), (b"", b"x")]);
            b""
        }
        b"random" => {
            let mut b = [0; 3];
            random(&mut b)?;
            host.concat(&[&b])
        }
        b"now" if now() == 1767225600_000000000 => b"2026",
        b"query" => host.query(b"", argument, b"[\"a\"]")?,
        b"file" => host.read_file(argument, 8)?,
        b"primary" => {
            let row = host.primary_domain(argument)?;
            host.concat(&[row.domain.unwrap_or_default(), b"|", row.folder.unwrap_or_default()])
        }
        b"domain" => {
            let row = host.tenant_by_domain(argument, b"f")?;
            d.serve(&row, argument);
            d.path = Some(b"/");
            d.set_header(b"X-Probe", row.attribute(b"plan").unwrap_or_default());
            return Ok(None);
        }
        b"headers" => host.concat(&[r.header(0).unwrap_or_default(), b",", r.header(1).unwrap_or_default(), if r.is_trusted() { b",trusted" } else { b"" }]),
        _ => b"",
    }))
}

fn reverse_key<'a>(_: Host<'a>, _: &KeyRequest<'a>) -> Result<&'a [u8], &'a [u8]> {
    Err(Errno::INVALID.text().as_bytes())
}

fn pathname<'a>(host: Host<'a>, q: &PathRequest<'a>) -> PathReply<'a> {
    PathReply {
        identifier: Some(q.schema).filter(|s| !s.is_empty()),
        path: q.name.map(|name| host.concat(&[q.location, b"/", name])),
        ..Default::default()
    }
}

fn authorize<'a>(_: Host<'a>, a: &Access<'a>) -> Verdict {
    if a.header(0) == Some(b"x") {
        return Verdict::Deny;
    }
    if a.name == Some(b"a.txt") {
        Verdict::Allow
    } else {
        Verdict::Hide
    }
}

struct Sockets;

impl Consumer for Sockets {
    fn open<'a>(host: Host<'a>, s: &mut Socket<'a>) {
        let protocol = until(s.protocols().unwrap_or_default(), b'\n');
        if !protocol.is_empty() {
            s.accept(protocol);
        }
        s.set_state(host.concat(&[s.path(), b",", s.header(0).unwrap_or_default()]));
    }

    fn message<'a>(host: Host<'a>, s: &mut Socket<'a>, data: &'a [u8], _binary: bool) {
        s.send_binary(data);
        s.group_discard(b"group");
        let e = Event::new(host, b"probe").text(b"text", data);
        s.channel_send(b"channel", e.int(b"least", -32).int(b"most", 127).int(b"less", -33).int(b"more", 128));
        s.open_channel();
    }
}
