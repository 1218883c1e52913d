package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/suggest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// CheckServe reports what is valid but cannot be served. For `tenantedge eval` and
// for embedders the names of urlconfs are labels, while an edge that serves needs
// an entry in urlconfs for each. handlers are the names of the websocket handlers
// that the program registers. The error joins *Error values.
func (f *File) CheckServe(handlers ...string) error {
	d := newDecoder(f.Name)
	for _, t := range f.GuestConfig.Tenants {
		f.checkURLConf(d, t.URLConf, root("tenants", t.Schema, "urlconf"))
	}
	if f.GuestConfig.Default != nil {
		f.checkURLConf(d, f.GuestConfig.Default.URLConf, root("tenants", "default", "urlconf"))
		if f.Directory.Source == "" {
			f.failAt(d, root("tenants", "default"), "expected a directory that holds the dynamic tenants, found none; add the key directory, or remove default")
		}
	}
	if f.GuestConfig.Default == nil && f.Directory.Source != "" {
		f.failAt(d, root("directory"), "expected tenants.default, which says what serves the tenants of the directory, found none; add it, or remove the directory, which is not read without it")
	}
	f.checkURLConf(d, f.Fallback, root("fallback"))
	f.checkChoices(d)
	f.checkHolds(d)
	f.checkWebsockets(d, handlers)
	f.checkFiles(d)
	if slices.Contains(f.GuestConfig.Routers, abi.BySession) && f.Sessions == nil {
		f.failAt(d, root("routers"), "expected the key sessions, which the router session needs, found none; add it")
	}
	if f.Sessions != nil && f.Sessions.Backend == "db" && f.Sessions.IsZero() && f.Directory.Source != "postgres" {
		f.failAt(d, root("sessions"), "expected one of dsn, dsn_env, dsn_file, found none; add one, because the directory has no database either")
	}
	if len(f.Queries) > 0 && f.Directory.Source != "postgres" {
		f.failAt(d, root("queries"), "expected a directory with source postgres, which queries run in, found %s; remove the queries or change the source", sourceOf(f.Directory))
	}
	return d.err()
}

func sourceOf(dir Directory) string {
	if dir.Source == "" {
		return "none"
	}
	return "source " + dir.Source
}

func (f *File) checkURLConf(d *decoder, name string, p *path) {
	if _, ok := f.URLConfs[name]; ok || name == "" {
		return
	}
	do := "add it"
	names := make([]string, 0, len(f.URLConfs))
	for n := range f.URLConfs {
		names = append(names, n)
	}
	slices.Sort(names)
	if hint := suggest.Name(name, names); hint != "" {
		do = fmt.Sprintf("did you mean %q?", hint)
	}
	f.failAt(d, p, "expected an entry of urlconfs, found %q, which does not exist; %s", shorten(name), do)
}

// failAt records a problem at the position of p.
func (f *File) failAt(d *decoder, p *path, format string, args ...any) {
	m := f.markOf(p)
	d.fail(m.pos, m.path, strings.TrimSpace(format), args...)
}

// markOf returns the position of p in the file, or of the nearest key above it that
// the file has, and p as the file spells it. A File that was not parsed has no
// positions.
func (f *File) markOf(p *path) mark {
	if m, ok := f.marks[p.String()]; ok || p == nil || p.parent == nil {
		return mark{m.pos, cmp.Or(m.path, p)}
	}
	above := f.markOf(p.parent)
	spelled := *p
	spelled.parent = above.path
	if m, ok := f.marks[spelled.String()]; ok { // keys below one in upper case
		return m
	}
	return mark{above.pos, &spelled}
}

// Where returns a key of the file and its position, such as
// "tenants.www.domains (edge.yaml:4)": "tenants", "www", "domains". Without a
// position, it returns the key.
func (f *File) Where(keys ...string) string {
	m := f.markOf(root(keys...))
	if m.pos.line == 0 {
		return m.path.String()
	}
	return fmt.Sprintf("%s (%s:%d)", m.path, f.Name, m.pos.line)
}

func root(keys ...string) *path {
	var p *path
	for _, key := range keys {
		p = p.child(key)
	}
	return p
}
