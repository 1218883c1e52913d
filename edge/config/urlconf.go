package config

import (
	"cmp"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Values of URLConf.Access.
const (
	AccessPublic  = "public"
	AccessPrivate = "private"
	AccessSigned  = "signed"
)

// URLConf is what serves the requests of a urlconf. At most one of Upstream, Files,
// Reply and Hold is set; if none is, it serves only media.
type URLConf struct {
	Upstream *url.URL // an application: scheme http, https or h2c, host, optionally a path
	Path     string   // with Upstream: "original" or "inner", the path without the tenant's folder
	Host     string   // with Upstream: "client" or "upstream", whose Host it gets
	Reuse    string   // with Upstream: "tenant", "client" or "never": which requests may reuse a connection
	Files    string   // a folder of files
	Reply    *Reply   // the same answer to every request
	Hold     *Hold    // requests wait until the tenant has another urlconf
	// Media also serves the tenant's own files, below File.Media.BaseURL.
	Media bool
	// Access says which requests get Files and Media: AccessPublic or empty, all;
	// AccessPrivate, those that the guest allows; AccessSigned, those with a signed
	// URL.
	Access string
	// Uploads, with Media, lets clients change the files; nil: they may not.
	Uploads *Uploads
	// Accel, with Upstream, lets the application have the edge send files; nil: it
	// may not.
	Accel *Accel
}

// Reply is a fixed answer.
type Reply struct {
	Status int         // from 200 to 599
	Header http.Header // canonical names; nil: none
	Body   string
}

// Hold bounds the requests that wait.
type Hold struct {
	Timeout  time.Duration `key:"timeout,min=1"` // of one request
	Requests int           `key:"requests,min=1"`
	Bytes    int64         `key:"bytes,bytes"` // of memory that the edge counts for all waiting requests
}

func (h *Hold) decode(v value) {
	*h = Hold{Timeout: 30 * time.Second, Requests: 1000, Bytes: 16 << 20}
	type keys Hold // without this method
	if found := v.object((*keys)(h)); found.has("bytes") && h.Bytes == 0 {
		found["bytes"].fail("expected a size of at least 1, found 0, with which no request could wait")
	}
}

// urlconfEntry has the keys of an entry of urlconfs.
type urlconfEntry struct {
	Upstream string   `key:"upstream"`
	Path     string   `key:"path,one=original|inner"`
	Host     string   `key:"host,one=client|upstream"`
	Reuse    string   `key:"reuse,one=tenant|client|never"`
	Files    string   `key:"files,path"`
	Reply    *Reply   `key:"reply"`
	Hold     *Hold    `key:"hold"`
	Media    bool     `key:"media"`
	Access   string   `key:"access,one=public|private|signed"`
	Uploads  *Uploads `key:"uploads"`
	Accel    *Accel   `key:"accel"`
}

func (c *URLConf) decode(v value) {
	switch v.n.kind {
	case kindString:
		c.Upstream, c.Path, c.Host, c.Reuse = v.upstream(v.n.text), "original", "client", "tenant"
	case kindMapping:
		c.decodeMapping(v)
	default:
		v.mismatch("the URL of an upstream, or a mapping with upstream, files, reply, hold or media")
	}
}

func (c *URLConf) decodeMapping(v value) {
	failed := v.d.failed
	var entry urlconfEntry
	found := v.object(&entry)
	targets := found.count("upstream", "files", "reply", "hold")
	if (targets > 1 || targets == 0 && !entry.Media) && v.d.failed == failed {
		v.fail("expected exactly one of upstream, files, reply and hold, or only media, found %s", noneOrSeveral(targets))
		return
	}
	v.onlyWithUpstream(found, "path", "host", "reuse", "accel")
	if u, ok := found["upstream"]; ok && u.n.kind == kindString {
		c.Upstream = u.upstream(entry.Upstream)
		c.Path, c.Host = cmp.Or(entry.Path, "original"), cmp.Or(entry.Host, "client")
		c.Reuse = cmp.Or(entry.Reuse, "tenant")
	}
	if at, ok := found["access"]; ok && entry.Files == "" && !entry.Media {
		at.fail("expected this key only with files or media, found it without; remove it")
	}
	if at, ok := found["media"]; ok && entry.Media && entry.Hold != nil {
		at.fail("expected media only without hold, found both: a hold serves no files; remove one of them")
	}
	c.Files, c.Reply, c.Hold, c.Media, c.Accel = entry.Files, entry.Reply, entry.Hold, entry.Media, entry.Accel
	if c.Files != "" || c.Media {
		c.Access = cmp.Or(entry.Access, AccessPublic)
	}
	if at, ok := found["uploads"]; ok {
		c.Uploads = entry.Uploads
		c.Uploads.check(at, c)
	}
}

// onlyWithUpstream reports keys that have no effect without upstream.
func (v value) onlyWithUpstream(found seen, keys ...string) {
	for _, key := range keys {
		if at, ok := found[key]; ok && !found.has("upstream") {
			at.fail("expected this key only with upstream, found it without; remove it")
		}
	}
}

func noneOrSeveral(n int) string {
	if n == 0 {
		return "none; add one of them"
	}
	return "several; remove all but one"
}

// upstream parses the URL of an application. Its errors omit the URL, which may
// contain a password.
func (v value) upstream(text string) *url.URL {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		v.fail("expected a URL such as \"http://127.0.0.1:8000\", found text that cannot be parsed; correct it")
	case u.User != nil:
		v.fail("expected a URL without user and password, found credentials; remove them")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		v.fail("expected a URL that starts with http://, https:// or h2c://, found %s", schemeOf(u))
	case u.Hostname() == "":
		v.fail("expected a URL with a host, found no host; write it as \"http://127.0.0.1:8000\"")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		v.fail("expected a URL without \"?\" and \"#\", found a query or a fragment; remove it")
	case addressProblem(u.Host) != "" && u.Port() != "":
		v.fail("expected a URL whose port is a number up to 65535, found another port; correct it")
	default:
		return u
	}
	return nil
}

func schemeOf(u *url.URL) string {
	if u.Scheme == "" {
		return "no scheme"
	}
	return "the scheme " + shorten(u.Scheme)
}

// replyEntry has the keys of reply.
type replyEntry struct {
	Status  int               `key:"status,min=200"`
	Headers map[string]string `key:"headers"`
	Body    string            `key:"body"`
}

func (r *Reply) decode(v value) {
	r.Status = http.StatusOK
	var entry replyEntry
	entry.Status = r.Status
	found := v.object(&entry)
	if entry.Status > 599 {
		found["status"].fail("expected a status from 200 to 599, found %d", entry.Status)
	}
	r.Status, r.Body = entry.Status, entry.Body
	for name, text := range entry.Headers {
		at := value{v.d, found["headers"].n, found["headers"].p.child(name)}
		switch {
		case !isToken(name):
			at.fail("expected the name of an HTTP header, found an invalid name; use letters, digits and hyphens")
		case !isHeaderText(text):
			at.fail("expected the value of a header, found line breaks or other control characters; remove them")
		default:
			if r.Header == nil {
				r.Header = make(http.Header)
			}
			r.Header.Add(textproto.CanonicalMIMEHeaderKey(name), text)
		}
	}
}

func isHeaderText(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) < 0
}
