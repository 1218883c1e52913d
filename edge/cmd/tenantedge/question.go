package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
)

// question is one line that eval reads.
type question struct {
	ID json.RawMessage `json:"id"` // any JSON, copied to the answer
	Op string          `json:"op"`

	// For route and websocket.
	Method  string                     `json:"method"`
	Scheme  string                     `json:"scheme"` // "http" (default) or "https"
	Target  string                     `json:"target"`
	Headers [][]string                 `json:"headers"` // pairs, as on the wire
	Session map[string]json.RawMessage `json:"session"`
	Peer    string                     `json:"peer"`
	Remote  string                     `json:"remote"` // the peer's IP address, with or without a port

	// For cache_key, reverse_key and storage.
	Schema         *string         `json:"schema"`
	Prefix         json.RawMessage `json:"prefix"`
	Version        json.RawMessage `json:"version"`
	Key            json.RawMessage `json:"key"`
	CacheKey       *string         `json:"cache_key"`
	Folder         string          `json:"folder"`
	SchemaPathname *string         `json:"schema_pathname"`
	Location       string          `json:"location"`
	BaseURL        string          `json:"base_url"`
	Name           *string         `json:"name"`
	Do             string          `json:"do"`    // for storage: a function of the name to call, instead of locating it
	Steps          []fileStep      `json:"steps"` // for storage: operations on files to run, instead of both
}

const (
	peerTrusted   = "trusted"
	peerUntrusted = "untrusted"
)

func (q *question) parse(line []byte) error {
	if err := json.Unmarshal(line, q); err != nil {
		q.keepID(line)
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Errorf("%s: expected %s, found %s", wrong.Field, jsonKind(wrong), wrong.Value)
		}
		return fmt.Errorf("expected a JSON object: %w", err)
	}
	return q.check()
}

// keepID sets the ID from a line that is otherwise invalid.
func (q *question) keepID(line []byte) {
	var only struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(line, &only) == nil {
		q.ID = only.ID
	}
}

func jsonKind(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.String(); {
	case kind == "string":
		return "a string"
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	default:
		return "an object"
	}
}

func (q *question) check() error {
	switch q.Op {
	case "route", "websocket":
		return q.checkRequest()
	case "cache_key":
		if q.Key == nil {
			return errors.New("key: expected a value, found none")
		}
	case "reverse_key":
		if q.CacheKey == nil {
			return errors.New("cache_key: expected a cache key, found none")
		}
	case "storage":
		return q.checkFiles()
	case "":
		return errors.New("op: expected route, websocket, cache_key, reverse_key or storage, found none")
	default:
		return fmt.Errorf("op: expected route, websocket, cache_key, reverse_key or storage, found %q", q.Op)
	}
	return nil
}

func (q *question) checkRequest() error {
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.Target == "" {
		return errors.New("target: expected the target of a request, such as /x?y=1, found none")
	}
	for i, pair := range q.Headers {
		if len(pair) != 2 || pair[0] == "" {
			return fmt.Errorf("headers[%d]: expected a pair of name and value, found %d values", i, len(pair))
		}
	}
	switch q.Peer {
	case "":
		q.Peer = peerUntrusted
	case peerTrusted, peerUntrusted:
	default:
		return fmt.Errorf("peer: expected trusted or untrusted, found %q", q.Peer)
	}
	switch q.Scheme {
	case "":
		q.Scheme = "http"
	case "http", "https":
	default:
		return fmt.Errorf("scheme: expected http or https, found %q", q.Scheme)
	}
	r := explain.Request{Remote: q.Remote}
	if err := r.Complete(); err != nil {
		return err
	}
	q.Remote = r.Remote
	return nil
}

// request returns the request of a question.
func (q *question) request() *explain.Request {
	r := &explain.Request{
		Method: q.Method, Scheme: q.Scheme, Target: q.Target, Headers: explain.Headers{}, Remote: q.Remote,
		Trusted: q.Peer == peerTrusted, Websocket: q.Op == "websocket",
	}
	for _, pair := range q.Headers {
		name, value := pair[0], strings.Trim(pair[1], " \t") // as a server reads it
		switch {
		case !strings.EqualFold(name, "host"):
			r.Headers[name] = append(r.Headers[name], value)
		case r.Host == nil:
			r.Host = &value
		default:
			value = *r.Host + "\n" + value
			r.Host = &value
		}
	}
	if q.Session != nil {
		r.Session = make(map[string]config.JSON, len(q.Session))
		for name, value := range q.Session {
			r.Session[name] = config.JSON(value)
		}
	}
	return r
}

// questions returns the questions of --request and the flags that go with it.
func (o *evalOptions) questions() ([]question, error) {
	var qs []question
	for _, r := range o.requests {
		q := question{Op: "route"}
		if o.websocket {
			q.Op = "websocket"
		}
		if o.trusted {
			q.Peer = peerTrusted
		}
		q.Remote = o.remote
		if err := q.setURL(r); err != nil {
			return nil, err
		}
		for _, h := range o.headers {
			name, value, ok := strings.Cut(h, ":")
			if !ok || strings.TrimSpace(name) == "" {
				return nil, usagef("eval: --header: expected 'name: value', found %q", h)
			}
			q.Headers = append(q.Headers, []string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
		if o.session != "" {
			if err := json.Unmarshal([]byte(o.session), &q.Session); err != nil {
				return nil, usagef(`eval: --session: expected a JSON object such as {"tenant":"acme"}: %v`, err)
			}
		}
		if err := q.check(); err != nil {
			return nil, usagef("eval: --request: %v", err)
		}
		qs = append(qs, q)
	}
	return qs, nil
}

// setURL parses 'GET http://host/path'. The method is optional.
func (q *question) setURL(request string) error {
	var r explain.Request
	if err := r.SetText(request); err != nil {
		return usagef("eval: --request: %v", err)
	}
	if r.Websocket {
		q.Op = "websocket"
	}
	q.Method, q.Scheme, q.Target = r.Method, r.Scheme, r.Target
	q.Headers = append(q.Headers, []string{"Host", *r.Host})
	return nil
}
