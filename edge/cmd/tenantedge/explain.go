package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// writeText returns a writer of answers for people.
func (e *evaluator) writeText(out io.Writer) writer {
	return func(q *question, answer any) error {
		var b strings.Builder
		switch a := answer.(type) {
		case *routeAnswer:
			e.explainRoute(&b, q, a)
		case errorAnswer:
			fmt.Fprintf(&b, "%s\n  error: %s\n", headline(q), a.Error)
		default:
			// Keys and paths need no explanation.
			if err := writeJSON(&b)(q, answer); err != nil {
				return err
			}
		}
		_, err := io.WriteString(terminal{out}, b.String())
		return err
	}
}

func headline(q *question) string {
	if q.Target == "" {
		return q.Op
	}
	var headers []string
	for _, pair := range q.Headers {
		if !strings.EqualFold(pair[0], "host") {
			headers = append(headers, fmt.Sprintf("  %s: %s\n", pair[0], pair[1]))
		}
	}
	peer := q.Peer + " peer"
	if q.Remote != "" {
		peer = "from " + q.Remote
	}
	head := fmt.Sprintf("%s %s://%s%s  (%s)\n", q.Method, q.Scheme, hostOf(q), q.Target, peer)
	return head + strings.Join(headers, "")
}

func hostOf(q *question) string {
	host := "(no Host)"
	for _, pair := range q.Headers {
		if strings.EqualFold(pair[0], "host") {
			host = pair[1]
		}
	}
	return host
}

func (e *evaluator) explainRoute(b *strings.Builder, q *question, a *routeAnswer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	b.WriteString(headline(q))
	d := &a.decision
	switch {
	case a.Error != "":
		line("error", "%d: %s", *a.Status, a.Error)
	case d.Outcome == abi.Tenant:
		line("tenant", "%s, %s", d.Tenant.Schema, tenantKind(&d.Tenant))
	case d.Outcome == abi.Redirect:
		line("redirect", "%d to %s", d.Status, d.Location)
	case d.Outcome == abi.None:
		line("no tenant", "the request continues without a tenant")
	case a.Status != nil:
		line("refused", "%d (%s)", *a.Status, a.Outcome)
	}
	if d.Reason != "" {
		line("why", "%s", d.Reason)
	}
	e.explainRule(line, q, a)
	if d.Outcome == abi.Tenant {
		e.explainTenant(line, &d.Tenant)
	}
	for i := 0; i+1 < len(d.Headers); i += 2 {
		line("upstream", "%s: %s", d.Headers[i], d.Headers[i+1])
	}
	if f := a.File; f != nil && f.Reason != "" {
		line("file", "%d: %s", f.Status, f.Reason)
	} else if f != nil {
		line("file", "%d", f.Status)
	}
	switch {
	case a.Route == nil:
	case d.WSFound:
		line("websocket", "route %s with %s", d.WSRoute, d.WSKwargs)
	default:
		line("websocket", "no route matches: the handshake is refused")
	}
}

func (e *evaluator) explainTenant(line func(string, string, ...any), t *tenant.Tenant) {
	switch r := t.Routing; {
	case r.Router == abi.ByDomain && r.Folder != "":
		line("found by", "domain %s, folder %s", r.Domain, r.Folder)
	case r.Router == abi.ByDomain:
		line("found by", "domain %s", r.Domain)
	default:
		line("found by", "%s, with the value %q", r.Router, r.Reference)
	}
	line("urlconf", "%s", e.describeURLConf(t.URLConf))
	if t.WSURLConf != "" {
		line("ws_urlconf", "%s", t.WSURLConf)
	}
	e.explainChoices(line, t)
	line("path", "%s", t.Path)
	line("identifier", "%s, for files", t.Identifier)
	line("cache", "keys start with %s", t.CachePrefix)
}

func tenantKind(t *tenant.Tenant) string {
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

// describeURLConf describes how serve would answer requests for a urlconf.
func (e *evaluator) describeURLConf(name string) string {
	c, ok := e.file.URLConfs[name]
	media := ""
	if c.Media && e.file.Media != nil {
		media = "; files below " + e.file.Media.BaseURL + " from " + mediaLocation(e.file.Media)
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
