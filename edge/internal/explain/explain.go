// Package explain says why a request was decided as it was, in lines for people: what
// was decided, which key of the configuration or row of the directory decided, and what
// serves the request. `tenantedge eval` prints them and the console shows them.
//
//	x := explain.Explainer{File: file}
//	for _, line := range x.Lines(&explain.Answer{Request: request, Decision: decision}) {
//		fmt.Printf("%-11s %s\n", line.Name, line.Text)
//	}
package explain

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Explainer explains the answers of a configuration.
type Explainer struct {
	File *config.File
	// Guest names the guest that answers, if it has rules of its own. Empty: it is the
	// built-in one, whose rules are those of the configuration.
	Guest string
}

// Answer is what a Host answered to a request.
type Answer struct {
	Request   edge.Request // empty after an error of Host.RequestOf
	Decision  edge.Decision
	Err       error // of Host.RequestOf or Host.Route; nil: Decision is valid
	Websocket bool  // the question was about a handshake
	File      *File // nil: the request is for no file
	Logged    []string
}

// File is how a request for a file is answered.
type File struct {
	Status int    `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Line is one line of an explanation: what it is about, and the text.
type Line struct{ Name, Text string }

// lines collects the lines of an explanation.
type lines []Line

func (l *lines) add(name, format string, args ...any) {
	*l = append(*l, Line{name, fmt.Sprintf(format, args...)})
}

// Lines explains an answer.
func (x *Explainer) Lines(a *Answer) []Line {
	var l lines
	d := a.Decision
	x.outcome(&l, a, &d)
	if d.Reason != "" {
		l.add("why", "%s", d.Reason)
	}
	x.rule(&l, a)
	if d.Outcome == abi.Tenant {
		x.tenant(&l, &d.Tenant)
	}
	for i := 0; i+1 < len(d.Headers); i += 2 {
		l.add("upstream", "%s: %s", d.Headers[i], d.Headers[i+1])
	}
	if f := a.File; f != nil && f.Reason != "" {
		l.add("file", "%d: %s", f.Status, f.Reason)
	} else if f != nil {
		l.add("file", "%d", f.Status)
	}
	switch {
	case !a.Websocket:
	case d.WSFound:
		l.add("websocket", "route %s with %s", d.WSRoute, d.WSKwargs)
	default:
		l.add("websocket", "no route matches: the handshake is refused")
	}
	return l
}

// outcome adds the line about what was decided. It sets the reason of d, for a request
// that was refused without a decision.
func (x *Explainer) outcome(l *lines, a *Answer, d *edge.Decision) {
	if a.Err != nil {
		refused := edge.AsRouteError(a.Err)
		if refused.Outcome == 0 {
			l.add("error", "%d: %s", refused.Status, a.Err)
			return
		}
		d.Reason = refused.Reason
		l.add("refused", "%d (%s)", refused.Status, refused.Outcome)
		return
	}
	switch {
	case d.Outcome == abi.Tenant:
		l.add("tenant", "%s, %s", d.Tenant.Schema, kind(&d.Tenant))
	case d.Outcome == abi.Redirect:
		l.add("redirect", "%d to %s", d.Status, d.Location)
	case d.Outcome == abi.None:
		l.add("no tenant", "the request continues without a tenant")
	case d.Status != 0:
		l.add("refused", "%d (%s)", d.Status, d.Outcome)
	}
}

// tenant adds the lines about the tenant that was found.
func (x *Explainer) tenant(l *lines, t *tenant.Tenant) {
	switch r := t.Routing; {
	case r.Router == abi.ByDomain && r.Folder != "":
		l.add("found by", "domain %s, folder %s", r.Domain, r.Folder)
	case r.Router == abi.ByDomain:
		l.add("found by", "domain %s", r.Domain)
	default:
		l.add("found by", "%s, with the value %q", r.Router, r.Reference)
	}
	l.add("urlconf", "%s", x.urlconf(t.URLConf))
	if t.WSURLConf != "" {
		l.add("ws_urlconf", "%s", t.WSURLConf)
	}
	x.choices(l, t)
	l.add("path", "%s", t.Path)
	l.add("identifier", "%s, for files", t.Identifier)
	l.add("cache", "keys start with %s", t.CachePrefix)
}

func kind(t *tenant.Tenant) string {
	if t.Dynamic {
		return "a row of the directory, id " + t.ID
	}
	return "an entry of the TENANTS table"
}

// mediaLocation returns where the files of tenants are stored.
func mediaLocation(m *config.Media) string {
	if m.S3 != nil {
		return "the bucket " + m.S3.Bucket
	}
	return m.Location
}

// urlconf describes how requests for a urlconf are answered.
func (x *Explainer) urlconf(name string) string {
	c, ok := x.File.URLConfs[name]
	media := ""
	if c.Media && x.File.Media != nil {
		media = "; files below " + x.File.Media.BaseURL + " from " + mediaLocation(x.File.Media)
	}
	switch {
	case name == "":
		return "none"
	case !ok:
		return name + ", which has no entry in urlconfs: serve would not start"
	case c.Upstream != nil:
		return name + ", served by " + c.Upstream.Redacted() + media
	case c.Files != "":
		return name + ", served from " + c.Files + media
	case c.Reply != nil:
		return fmt.Sprintf("%s, answered with %d", name, c.Reply.Status) + media
	case c.Hold != nil:
		return fmt.Sprintf("%s, where requests wait for up to %v until the tenant has another urlconf", name, c.Hold.Timeout)
	default:
		return name + media
	}
}
