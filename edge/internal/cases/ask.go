package cases

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// asker is a question of a case.
type asker interface {
	ask(ctx context.Context, h *Host, e *Expect) Answer
}

// routed is the question of a case that is routed.
type routed explain.Request

func (r *routed) ask(ctx context.Context, h *Host, e *Expect) Answer {
	q, err := (*explain.Request)(r).Of(ctx, h.Host, h.sessionKey)
	if err == nil {
		q.Explain = e.Reason != nil
		var d edge.Decision
		if d, err = h.Host.Route(ctx, &q); err == nil {
			return AnswerOf(&d)
		}
	}
	return RefusalOf(err)
}

// RefusalOf returns the answer to a request that the host refuses, or on which the
// guest fails.
func RefusalOf(err error) Answer {
	e := edge.AsRouteError(err)
	if e.Outcome == 0 {
		return Answer{Err: err}
	}
	return Answer{Fields: map[string]string{"outcome": e.Outcome.String(), "status": strconv.Itoa(e.Status), "reason": e.Reason}}
}

// AnswerOf returns the answer that a decision is.
func AnswerOf(d *edge.Decision) Answer {
	t := &d.Tenant
	a := Answer{Headers: map[string]string{}, Fields: map[string]string{
		"outcome": d.Outcome.String(), "status": strconv.Itoa(d.Status), "reason": d.Reason, "location": d.Location,
		"schema": t.Schema, "tenant_id": t.ID, "dynamic": strconv.FormatBool(t.Dynamic),
		"domain": t.Routing.Domain, "folder": t.Routing.Folder, "reference": t.Routing.Reference,
		"by_session": strconv.FormatBool(t.Routing.Router == abi.BySession),
		"urlconf":    t.URLConf, "ws_urlconf": t.WSURLConf, "path": t.Path, "identifier": t.Identifier, "cache_prefix": t.CachePrefix,
		"route": d.WSRoute, "kwargs": d.WSKwargs,
	}}
	for i := 0; i+1 < len(d.Headers); i += 2 {
		a.Headers[d.Headers[i]] = d.Headers[i+1]
	}
	return a
}

func (k *CacheKey) ask(ctx context.Context, h *Host, _ *Expect) Answer {
	t := &tenant.Tenant{Schema: cmp.Or(string(k.Schema), tenancy.PublicSchema)}
	key, err := h.Host.CacheKey(ctx, t, string(k.Prefix), string(k.Version), string(k.Key))
	return Answer{Fields: map[string]string{"cache_key": key}, Err: err}
}

// reverseKey is a cache key.
type reverseKey config.Text

func (k *reverseKey) ask(ctx context.Context, h *Host, _ *Expect) Answer {
	key, err := h.Host.ReverseKey(ctx, string(*k))
	return Answer{Fields: map[string]string{"key": key}, Err: err}
}

func (p *Pathname) ask(ctx context.Context, h *Host, _ *Expect) Answer {
	q := tenancy.PathQuery{Schema: cmp.Or(string(p.Schema), tenancy.PublicSchema), Folder: p.Folder, Location: p.Location, BaseURL: p.BaseURL}
	if p.SchemaPathname != nil {
		q.SchemaPathname, q.HasSchemaPathname = string(*p.SchemaPathname), true
	}
	if p.File != nil {
		q.Name, q.HasName = string(*p.File), true
	}
	found, err := h.Host.Locate(ctx, &q)
	if err != nil {
		return Answer{Err: err}
	}
	a := Answer{Fields: map[string]string{
		"identifier": found.Identifier, "base_location": found.BaseLocation, "tenant_url": found.BaseURL, "path": found.Path, "url": found.URL,
	}}
	if found.Err != nil {
		a.Fields["refused"] = found.Err.Error()
	}
	return a
}

func (q *Authorize) ask(ctx context.Context, h *Host, _ *Expect) Answer {
	t := h.tenant(q.Schema)
	t.Routing = tenant.Routing{Router: abi.ByDomain, Folder: q.Folder}
	t.Path, t.URLConf = q.Path, q.URLConf
	r := edge.FileRequest{Tenant: &t, Method: cmp.Or(q.Method, http.MethodGet), Host: q.Host, Header: q.Headers.HTTP(), NoName: q.Name == nil}
	if q.Name != nil {
		r.Name = *q.Name
	}
	verdict, err := h.Host.Authorize(ctx, r)
	return Answer{Fields: map[string]string{"verdict": verdictNames[verdict]}, Err: err}
}

var verdictNames = map[edge.Verdict]string{edge.Allow: "allow", edge.Deny: "deny", edge.Hide: "hide"}

// tenant returns the tenant of a schema, also if there is none in the directory.
func (h *Host) tenant(schema string) tenant.Tenant {
	t := tenant.Tenant{Schema: schema, Identifier: schema, CachePrefix: schema}
	if row, ok := h.directory.BySchema(schema); ok {
		t.Dynamic, t.ID, t.Attributes = true, row.ID, tenant.NewAttributes(row.Attributes)
		if pathname, ok := t.Pathname(); ok {
			t.Identifier = pathname
		}
	}
	return t
}

var events = map[string]instance.Export{
	"open": instance.SocketOpen, "message": instance.SocketMessage, "close": instance.SocketClose,
	"group": instance.SocketGroup, "timer": instance.SocketTimer,
}

func (e *Event) ask(ctx context.Context, h *Host, _ *Expect) Answer {
	t := h.tenant(e.Schema)
	if e.TenantID != "" {
		t.ID = string(e.TenantID)
	}
	t.Identifier, t.Path = cmp.Or(string(e.Identifier), t.Identifier), e.Path
	trial := &consumer.Trial{
		Request: consumer.Request{Tenant: &t, Route: e.Route, Kwargs: unquoted(e.Kwargs), Protocols: e.Protocols, Header: e.Headers.HTTP()},
		Event:   events[e.Event], State: string(e.State), Channel: e.Channel, Word: uint32(e.Code) << abi.EventCodeShift,
	}
	if e.Binary {
		trial.Word |= abi.EventBinary
	}
	// check has decoded Hex before.
	trial.Data, _ = bytesOf(string(e.Data), e.Hex)
	r, err := h.Host.TryEvent(ctx, trial)
	a := Answer{Fields: map[string]string{"status": strconv.Itoa(r.Status), "protocol": r.Protocol, "state": r.State}, Err: err}
	for _, effect := range r.Effects {
		name := strconv.Itoa(int(effect.Kind))
		if int(effect.Kind) < len(effectNames) {
			name = effectNames[effect.Kind]
		}
		a.Effects = append(a.Effects, Effect{Kind: name, Name: config.Text(effect.Name), Data: config.Text(effect.Data)})
	}
	return a
}

var effectNames = []string{
	0: "", abi.SendText: "send_text", abi.SendBinary: "send_binary", abi.GroupAdd: "group_add", abi.GroupDiscard: "group_discard",
	abi.GroupSend: "group_send", abi.ChannelSend: "channel_send", abi.SetTimer: "set_timer", abi.CloseSocket: "close", abi.OpenChannel: "open_channel",
}
