package cases

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// recordedCase is a case as Record writes it.
type recordedCase struct {
	Name    string          `json:"name"`
	Request recordedRequest `json:"request"`
	Expect  map[string]any  `json:"expect"`
}

type recordedRequest struct {
	Method    string                     `json:"method,omitempty"`
	Scheme    string                     `json:"scheme,omitempty"`
	Host      *string                    `json:"host,omitempty"`
	Target    string                     `json:"target"`
	Headers   explain.Headers            `json:"headers,omitempty"`
	Session   map[string]json.RawMessage `json:"session,omitempty"`
	Remote    string                     `json:"remote,omitempty"`
	Trusted   bool                       `json:"trusted,omitempty"`
	Websocket bool                       `json:"websocket,omitempty"`
}

// Record returns a request and its answer as a case, a line of JSON that Parse
// reads. It expects all fields that have a value, except reason.
func Record(name string, r *explain.Request, a *Answer) ([]byte, error) {
	c := recordedCase{Name: name, Expect: map[string]any{}, Request: recordedRequest{
		Host: r.Host, Target: r.Target, Headers: r.Headers, Remote: r.Remote, Trusted: r.Trusted, Websocket: r.Websocket,
	}}
	if r.Method != http.MethodGet {
		c.Request.Method = r.Method
	}
	if r.Scheme != "http" {
		c.Request.Scheme = r.Scheme
	}
	if r.Session != nil {
		c.Request.Session = make(map[string]json.RawMessage, len(r.Session))
		for key, value := range r.Session {
			c.Request.Session[key] = json.RawMessage(value)
		}
	}
	for field, value := range a.Fields {
		if value != "" && field != "reason" {
			c.Expect[field] = value
		}
	}
	if a.Fields["outcome"] != abi.Tenant.String() {
		// Flags of a tenant.
		delete(c.Expect, "dynamic")
		delete(c.Expect, "by_session")
	}
	if len(a.Headers) > 0 {
		c.Expect["headers"] = a.Headers
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(c)
	return out.Bytes(), err
}
