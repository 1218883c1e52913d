package cases

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Golden returns the suites of tck.Golden as files of cases.
func Golden() ([]*File, error) {
	suites, err := tck.Golden()
	if err != nil {
		return nil, err
	}
	var files []*File
	for i := range suites {
		f, err := fileOf(&suites[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", suites[i].Name, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func fileOf(s *tck.Suite) (*File, error) {
	f := &File{Name: s.Name, Now: defaultNow, Rejects: s.Error}
	p := &problems{name: s.Name}
	f.finishConfig(&document{}, p)
	f.Config.GuestConfig = s.Config
	f.Config.GuestConfig.SetDefaults()
	for _, t := range s.Tenants {
		row := tenantEntry{ID: config.Text(t.ID), Schema: t.Schema, Attributes: map[string]config.Text{}}
		for name, value := range t.Attributes {
			row.Attributes[name] = config.Text(value)
		}
		addRows(&f.Config.Directory, []tenantEntry{row}, p)
	}
	for _, d := range s.Domains {
		f.Config.Directory.Domains = append(f.Config.Directory.Domains, tenantdb.Domain{
			TenantID: d.Tenant, Domain: d.Domain, Folder: d.Folder, IsPrimary: d.IsPrimary, RedirectToPrimary: d.RedirectToPrimary,
		})
	}
	for _, c := range casesOf(s) {
		c.File = s.Name
		c.check(p, c.Name)
		f.Cases = append(f.Cases, c)
	}
	if len(p.errs) > 0 {
		return nil, p.errs[0]
	}
	return f, nil
}

func casesOf(s *tck.Suite) (all []Case) {
	for _, c := range s.Routes {
		all = append(all, routeCase(&c))
	}
	for _, c := range s.CacheKeys {
		all = append(all, Case{Name: "cache key " + c.Want, CacheKey: &CacheKey{config.Text(c.Schema), config.Text(c.Prefix), config.Text(c.Version), config.Text(c.Key)}, Expect: Expect{CacheKey: text(&c.Want)}})
	}
	for _, c := range s.Reversed {
		e := Expect{Key: text(c.Want)}
		if c.Want == nil {
			e.Error = new(config.Text)
		}
		all = append(all, Case{Name: "reversed " + c.CacheKey, ReverseKey: text(&c.CacheKey), Expect: e})
	}
	for _, c := range s.Pathnames {
		e := Expect{Identifier: orEmpty(c.Identifier), BaseLocation: orEmpty(c.BaseLocation), TenantURL: orEmpty(c.TenantURL), Path: orEmpty(c.Path), URL: orEmpty(c.URL)}
		all = append(all, Case{Name: "pathname " + c.Name, Expect: e, Pathname: &Pathname{c.Schema, c.Folder, text(c.SchemaPathname), c.Location, c.BaseURL, text(c.File)}})
	}
	for _, c := range s.Sockets {
		all = append(all, socketCase(&c))
	}
	return all
}

func routeCase(c *tck.RouteCase) Case {
	q := &explain.Request{Method: c.Method, Host: c.Host, Target: c.Target, Headers: explain.Headers{}, Trusted: c.Trusted, Websocket: c.Websocket, Direct: true}
	for name, value := range c.Headers {
		q.Headers[name] = explain.Values{value}
	}
	if c.Session != nil {
		q.Session = map[string]config.JSON{"tenant": config.JSON(*c.Session)}
	}
	w := &c.Want
	e := Expect{
		Outcome: text(&w.Outcome), Schema: text(w.Schema), TenantID: text(w.TenantID), Domain: text(w.Domain), Folder: text(w.Folder),
		Reference: text(w.Reference), URLConf: text(w.URLConf), WSURLConf: text(w.WSURLConf), Path: text(w.Path), Location: text(w.Location),
		Identifier: text(w.Identifier), CachePrefix: text(w.Cache), Route: text(w.Route),
	}
	if w.Status != 0 {
		status := strconv.Itoa(w.Status)
		e.Status = text(&status)
	}
	for dst, flag := range map[**config.Text]*bool{&e.Dynamic: w.Dynamic, &e.BySession: w.BySession} {
		if flag != nil {
			value := strconv.FormatBool(*flag)
			*dst = text(&value)
		}
	}
	if w.Kwargs != nil {
		e.Kwargs, _ = json.Marshal(*w.Kwargs) // a string always encodes
	}
	return Case{Name: c.Name, Request: q, Expect: e}
}

func socketCase(c *tck.SocketCase) Case {
	q := &Event{
		Event: c.Event, Schema: c.Schema, TenantID: config.Text(c.TenantID), Identifier: config.Text(c.Identifier), Route: c.Route,
		State: config.Text(c.State), Channel: c.Channel, Data: config.Text(c.Data), Hex: c.Hex, Binary: c.Binary, Code: int64(c.Code),
		Path: c.Path, Protocols: c.Protocols, Headers: explain.Headers{}, Kwargs: config.JSON(c.Kwargs),
	}
	for name, value := range c.Headers {
		q.Headers[name] = explain.Values{value}
	}
	status := strconv.Itoa(int(c.Want.Status))
	state := &c.State // unchanged
	if c.Want.State != nil {
		state = c.Want.State
	}
	effects := []Effect{}
	for _, e := range c.Want.Effects {
		effects = append(effects, Effect{e.Kind, config.Text(e.Name), config.Text(e.Data), e.Hex})
	}
	return Case{Name: "websocket " + c.Name, Websocket: q, Expect: Expect{Status: text(&status), Protocol: text(&c.Want.Protocol), State: text(state), Effects: &effects}}
}

func text(s *string) *config.Text { return (*config.Text)(s) }

// orEmpty expects an empty field for nil.
func orEmpty(s *string) *config.Text {
	if s == nil {
		return new(config.Text)
	}
	return text(s)
}
