package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// maxRedirect is the longest redirect that Django 5.2 gives, in characters
// before they are encoded; a longer one is a 400 there.
const maxRedirect = 16384

// redirect answers with the primary domain, the path below its folder, and the
// query. The location is composed of the registered domain, which is checked
// again here, and of what cannot be taken for another host. It reports whether
// the primary domain is fit for that.
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
	b = appendEscaped(b, raw, &sentSafe)
	d.scratch = appendEscaped(b, query, &sentSafe)
	d.Location = d.text(start)
	d.Outcome, d.Status = abi.Redirect, statusPermanentRedirect
	if req.Method == "GET" || req.Method == "HEAD" {
		d.Status = statusMovedPermanently
	}
	d.Reason = "the domain row asks to be redirected to the tenant's primary domain"
	return true
}

// strictRedirect answers as the reference does, for every method: domain,
// folder and path joined by slashes, then every pair of slashes made one.
func (d *Decision) strictRedirect(primary *Record, path string) {
	if primary.Domain == "" || strings.Contains(primary.Domain, "[") != strings.Contains(primary.Domain, "]") {
		d.Refuse(abi.Missing, "the tenant's primary domain is no host: it cannot be redirected to")
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
		d.Refuse(abi.BadRequest, "the redirect would be longer than Django gives")
		return
	}
	d.Location = d.text(start)
	d.Outcome, d.Status = abi.Redirect, statusMovedPermanently
	d.Reason = "the domain row asks to be redirected to the tenant's primary domain"
}
