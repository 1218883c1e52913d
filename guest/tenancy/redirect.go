package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// maxRedirect is the maximum length of a redirect in Django 5.2, in characters
// before encoding. Django answers 400 to a longer one.
const maxRedirect = 16384

// redirect decides for a redirect to the path and query on the primary domain. It
// returns false if that domain is not a valid host. No client can read a part of
// the path as the host, as the host and a slash precede it.
func (d *Decision) redirect(req *Request, primary *Record, raw, query string) bool {
	name, port, err := cutPort(primary.Domain)
	if err != nil {
		return false
	}
	if name, err = d.normalizeHost(name); err != nil {
		return false
	}
	for raw != "" && isSlash(raw[0]) {
		raw = raw[1:]
	}
	start := len(d.scratch)
	b := append(append(d.scratch, "//"...), name...)
	if port != "" {
		b = append(append(b, ':'), port...)
	}
	if primary.Folder != "" {
		b = append(b, '/')
		for i := range len(primary.Folder) {
			if c := primary.Folder[i]; c != '/' && fileSafe[c] {
				b = append(b, c)
			} else {
				b = appendPercent(b, c)
			}
		}
	}
	b = append(b, '/')
	b = appendEscaped(b, raw, &rawSafe)
	d.scratch = appendEscaped(b, query, &rawSafe)
	d.Location = d.text(start)
	d.Outcome, d.Status = abi.Redirect, statusPermanentRedirect
	if req.Method == "GET" || req.Method == "HEAD" {
		d.Status = statusMovedPermanently
	}
	d.Reason = redirectReason
	return true
}

const redirectReason = "the domain row redirects to the tenant's primary domain"

// strictRedirect redirects as the reference does, with 301 for every method:
// domain, folder and path joined by slashes, then each pair of slashes replaced by
// one.
func (d *Decision) strictRedirect(primary *Record, path string) {
	if primary.Domain == "" || strings.Contains(primary.Domain, "[") != strings.Contains(primary.Domain, "]") {
		d.Refuse(abi.Missing, "the tenant's primary domain is not a valid host")
		return
	}
	start := len(d.scratch)
	b := append(d.scratch, primary.Domain...)
	if primary.Folder != "" {
		b = append(append(b, '/'), primary.Folder...)
	}
	b = append(append(b, '/'), path...)
	d.scratch = b
	joined := d.text(start)

	length := len("//")
	start = len(b)
	b = append(b, "//"...)
	for i := 0; i < len(joined); {
		_, size := utf8.DecodeRuneInString(joined[i:])
		b = appendEscaped(b, joined[i:i+size], &iriSafe)
		length++
		if joined[i] == '/' && strings.HasPrefix(joined[i+1:], "/") {
			size++
		}
		i += size
	}
	d.scratch = b
	if length > maxRedirect {
		d.Refuse(abi.BadRequest, "the redirect is longer than Django allows")
		return
	}
	d.Location = d.text(start)
	d.Outcome, d.Status = abi.Redirect, statusMovedPermanently
	d.Reason = redirectReason
}
