package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// evaluator answers questions with the same host and guest as serve.
type evaluator struct {
	file    *config.File
	host    *edge.Host
	parts   *serve.Parts      // closed with the evaluator; nil: another evaluator's
	files   *serve.FileAccess // nil: not asked
	fileErr error             // why the files of tenants cannot be read; nil: they can
	notes   *explain.Notes    // of the guest
	explain bool
}

// evalDeadline is the minimum deadline of a request. It bounds what a guest waits
// for, such as queries.
const evalDeadline = 10 * time.Second

// newEvaluator returns an evaluator of the configuration at path. guest is a Wasm
// file; empty: the guest of the configuration.
func newEvaluator(ctx context.Context, path, guest string) (*evaluator, error) {
	file, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	if guest != "" {
		file.Guest = config.Guest{Path: guest, CompileCache: file.Guest.CompileCache} // it needs no signature
	}
	notes := &explain.Notes{}
	parts, err := openLoaded(ctx, file, notes.Logger())
	if err != nil {
		return nil, err
	}
	e := &evaluator{file: file, parts: parts, notes: notes}
	// A busy machine must not change an answer. Fuel bounds the guest too, and is
	// exact.
	parts.Config.Limits.Deadline = max(parts.Config.Limits.Deadline, evalDeadline)
	if e.files, err = parts.FileAccess(); err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	if e.host, err = edge.New(ctx, parts.Config); err != nil {
		return nil, errors.Join(parts.Locate(err), parts.Close())
	}
	e.fileErr = e.files.Open(ctx, e.host)
	return e, nil
}

// close closes the host and its parts. Errors do not matter, since the process
// ends.
func (e *evaluator) close() {
	if e.files != nil {
		_ = e.files.Close()
	}
	_ = e.host.Close()
	if e.parts != nil {
		_ = e.parts.Close()
	}
}

// errorAnswer is the answer to a question that cannot be answered.
type errorAnswer struct {
	ID    json.RawMessage `json:"id,omitempty"`
	Error string          `json:"error"`
}

// answer returns the answer to a question that has passed check.
func (e *evaluator) answer(ctx context.Context, q *question) any {
	switch q.Op {
	case "cache_key":
		return e.cacheKey(ctx, q)
	case "reverse_key":
		return e.reverseKey(ctx, q)
	case "storage":
		return e.storage(ctx, q)
	default:
		return e.route(ctx, q)
	}
}

// routeAnswer answers route and websocket. Fields that do not apply are null.
type routeAnswer struct {
	ID          json.RawMessage `json:"id,omitempty"`
	Outcome     string          `json:"outcome"`
	Status      *int            `json:"status"`
	Schema      *string         `json:"schema"`
	TenantID    *string         `json:"tenant_id"`
	Dynamic     *bool           `json:"dynamic"`
	Routing     any             `json:"routing"`
	URLConf     *string         `json:"urlconf"`
	WSURLConf   *string         `json:"ws_urlconf"`
	Path        *string         `json:"path"`
	Location    *string         `json:"location"`
	Identifier  *string         `json:"identifier"`
	CachePrefix *string         `json:"cache_prefix"`
	Route       json.RawMessage `json:"route,omitempty"`   // only for websocket; null if none matched
	Headers     []string        `json:"headers,omitempty"` // names and values that the guest sets for the upstream
	File        *explain.File   `json:"file,omitempty"`    // only for a file
	Error       string          `json:"error,omitempty"`
	Logged      []string        `json:"logged,omitempty"` // only with Error: what the guest logged and printed

	explained explain.Answer
}

type domainRouting struct {
	Kind   abi.Router `json:"kind"`
	Domain string     `json:"domain"`
	Folder string     `json:"folder"`
}

type referenceRouting struct {
	Kind      abi.Router `json:"kind"`
	Reference string     `json:"reference"`
}

type websocketRoute struct {
	Name   string          `json:"name"`
	Kwargs json.RawMessage `json:"kwargs"`
}

var null = json.RawMessage("null")

func (e *evaluator) route(ctx context.Context, q *question) any {
	request, err := e.request(ctx, q)
	var d edge.Decision
	if err == nil {
		d, err = e.host.Route(ctx, &request)
	}
	websocket := q.Op == "websocket"
	a := &routeAnswer{ID: q.ID, explained: explain.Answer{Request: request, Decision: d, Err: err, Websocket: websocket, Logged: e.notes.Take()}}
	if websocket {
		a.Route = null
	}
	if err != nil {
		a.setError(err)
		if a.Error != "" {
			a.Logged = a.explained.Logged
		}
		return a
	}
	a.Outcome, a.Headers = d.Outcome.String(), d.Headers
	if status := statusOf(&d); status != 0 {
		a.Status = &status
	}
	if d.Outcome == abi.Redirect {
		a.Location = &d.Location
	}
	if t := &d.Tenant; t.Schema != "" {
		a.setTenant(t, d.Outcome == abi.Tenant)
	}
	if d.Outcome == abi.Tenant && e.files != nil && !request.Websocket {
		a.File = e.fileOf(ctx, &request, &d.Tenant)
		a.explained.File = a.File
	}
	if d.WSFound && a.Route != nil {
		kwargs := json.RawMessage(d.WSKwargs)
		if !json.Valid(kwargs) {
			kwargs = json.RawMessage("{}")
		}
		// A string and valid JSON always encode.
		a.Route, _ = json.Marshal(websocketRoute{d.WSRoute, kwargs})
	}
	return a
}

func statusOf(d *edge.Decision) int {
	if d.Outcome == abi.Tenant {
		return http.StatusOK
	}
	return d.Status
}

func (a *routeAnswer) setTenant(t *tenant.Tenant, served bool) {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	a.Schema, a.TenantID, a.Dynamic = &t.Schema, text(t.ID), &t.Dynamic
	switch t.Routing.Router {
	case abi.ByDomain:
		a.Routing = domainRouting{t.Routing.Router, t.Routing.Domain, t.Routing.Folder}
	case abi.ByHeader, abi.BySession:
		a.Routing = referenceRouting{t.Routing.Router, t.Routing.Reference}
	}
	a.Identifier, a.CachePrefix = text(t.Identifier), text(t.CachePrefix)
	if served {
		// Empty, not null, for a tenant without a urlconf.
		a.URLConf, a.Path = &t.URLConf, &t.Path
		a.WSURLConf = text(t.WSURLConf)
	}
}

// setError sets what Middleware would answer for err.
func (a *routeAnswer) setError(err error) {
	e := edge.AsRouteError(err)
	a.Outcome, a.Error, a.Status = e.Outcome.String(), err.Error(), &e.Status
	if e.Outcome != 0 {
		a.Error = ""
	}
}

// fileOf returns the answer to a request for a file, or nil if it is for none.
func (e *evaluator) fileOf(ctx context.Context, q *edge.Request, t *tenant.Tenant) *explain.File {
	status, reason, ok := e.files.Status(ctx, q, t)
	switch {
	case !ok:
		return nil
	case e.fileErr != nil && reason == "":
		reason = e.fileErr.Error()
	}
	return &explain.File{Status: status, Reason: reason}
}

// request converts a question as Middleware converts an http.Request.
func (e *evaluator) request(ctx context.Context, q *question) (edge.Request, error) {
	r := q.request()
	request, err := r.Of(ctx, e.host, e.file.GuestConfig.TenantSessionKey)
	if err != nil {
		return edge.Request{}, err
	}
	request.Explain = e.explain
	return request, nil
}

func (e *evaluator) cacheKey(ctx context.Context, q *question) any {
	if q.Version == nil {
		q.Version = json.RawMessage("1") // Django's
	}
	if q.Prefix == nil {
		q.Prefix = json.RawMessage(`""`)
	}
	var texts [3]string
	for i, raw := range []json.RawMessage{q.Prefix, q.Version, q.Key} {
		s, err := pythonString(raw)
		if err != nil {
			return errorAnswer{q.ID, err.Error()}
		}
		texts[i] = s
	}
	var t *tenant.Tenant
	if q.Schema != nil && *q.Schema != "" {
		t = &tenant.Tenant{Schema: *q.Schema}
	}
	key, err := e.host.CacheKey(ctx, t, texts[0], texts[1], texts[2])
	if err != nil {
		return errorAnswer{q.ID, withPrinted(err).Error()}
	}
	return struct {
		ID       json.RawMessage `json:"id,omitempty"`
		CacheKey string          `json:"cache_key"`
	}{q.ID, key}
}

func (e *evaluator) reverseKey(ctx context.Context, q *question) any {
	key, err := e.host.ReverseKey(ctx, *q.CacheKey)
	if err != nil {
		return errorAnswer{q.ID, withPrinted(err).Error()}
	}
	return struct {
		ID  json.RawMessage `json:"id,omitempty"`
		Key string          `json:"key"`
	}{q.ID, key}
}

// storageAnswer answers storage. Error says why fields are missing.
type storageAnswer struct {
	ID           json.RawMessage `json:"id,omitempty"`
	Identifier   string          `json:"identifier,omitempty"`
	BaseLocation string          `json:"base_location,omitempty"`
	BaseURL      string          `json:"base_url,omitempty"`
	Path         *string         `json:"path,omitempty"`
	URL          *string         `json:"url,omitempty"`
	Error        string          `json:"error,omitempty"`
}

func (e *evaluator) storage(ctx context.Context, q *question) any {
	switch {
	case q.Steps != nil:
		return e.steps(ctx, q)
	case q.Do != "":
		return fileName(q)
	}
	query := tenancy.PathQuery{Schema: tenancy.PublicSchema, Folder: q.Folder, Location: q.Location, BaseURL: q.BaseURL}
	if q.Schema != nil && *q.Schema != "" {
		query.Schema = *q.Schema
	}
	if q.SchemaPathname != nil {
		query.SchemaPathname, query.HasSchemaPathname = *q.SchemaPathname, true
	}
	if q.Name != nil {
		query.Name, query.HasName = *q.Name, true
	}
	p, err := e.host.Locate(ctx, &query)
	if err != nil {
		return errorAnswer{q.ID, withPrinted(err).Error()}
	}
	a := storageAnswer{ID: q.ID, Identifier: p.Identifier, BaseLocation: p.BaseLocation, BaseURL: p.BaseURL}
	if !filepath.IsAbs(q.Location) {
		// Django keeps a relative location in base_location, but makes the paths of
		// files absolute.
		if query.Location, err = filepath.Abs(q.Location); err != nil {
			return errorAnswer{q.ID, err.Error()}
		}
		if p, err = e.host.Locate(ctx, &query); err != nil {
			return errorAnswer{q.ID, withPrinted(err).Error()}
		}
	}
	if p.HasURL {
		a.URL = &p.URL
	}
	if p.HasPath {
		a.Path = &p.Path
	}
	if p.Err != nil {
		a.Error = p.Err.Error()
	}
	return a
}
