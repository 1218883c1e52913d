package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
)

// tryData is a request to try, and what would become of it.
type tryData struct {
	Method, URL, Headers, Session string
	Trusted, Websocket            bool
	Problem                       string // why the request is not valid
	Lines                         []explain.Line
}

func (c *Console) tryForm(w http.ResponseWriter, r *http.Request, v *visit) {
	address := r.URL.Query().Get("url")
	c.render(w, r, v, http.StatusOK, "try", "Try a request", &tryData{Method: http.MethodGet, URL: fmt.Sprintf("%.2000s", address)})
}

func (c *Console) try(w http.ResponseWriter, r *http.Request, v *visit) {
	f := r.PostForm
	d := &tryData{
		Method: f.Get("method"), URL: strings.TrimSpace(f.Get("url")), Headers: f.Get("headers"), Session: strings.TrimSpace(f.Get("session")),
		Trusted: f.Get("trusted") != "", Websocket: f.Get("websocket") != "",
	}
	status := http.StatusOK
	request, err := d.request()
	if err == nil && !c.begin(r.Context()) {
		err = errors.New("other requests are being tried; repeat it")
	} else if err == nil {
		defer c.end()
		d.Lines, err = c.options.Edge().Explain(r.Context(), request)
	}
	if err != nil {
		status, d.Problem = http.StatusUnprocessableEntity, sentence(err.Error())
	}
	for i := range d.Lines {
		d.Lines[i].Text = clean(d.Lines[i].Text)
	}
	c.render(w, r, v, status, "try", "Try a request", d)
}

// request returns the request of the form.
func (d *tryData) request() (*explain.Request, error) {
	var r explain.Request
	if err := r.SetText(d.Method + " " + d.URL); err != nil {
		return nil, err
	}
	r.Trusted, r.Websocket, r.Headers = d.Trusted, r.Websocket || d.Websocket, explain.Headers{}
	for line := range strings.Lines(d.Headers) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("headers: expected a line such as name: value, found %q", line)
		}
		r.Headers[name] = append(r.Headers[name], strings.TrimSpace(value))
	}
	if err := r.Complete(); err != nil {
		return nil, err
	}
	if d.Session != "" {
		var session map[string]json.RawMessage
		if err := json.Unmarshal([]byte(d.Session), &session); err != nil {
			return nil, fmt.Errorf(`session: expected a JSON object such as {"tenant":"acme"}: %w`, err)
		}
		r.Session = map[string]config.JSON{}
		for name, value := range session {
			r.Session[name] = config.JSON(value)
		}
	}
	return &r, nil
}
