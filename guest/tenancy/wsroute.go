package tenancy

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// wsRoute is one compiled entry of a websocket route table.
type wsRoute struct {
	name       string
	literal    string                  // path without converters
	find       func(path string) []int // offsets as in package regexp; nil: compare with literal
	groups     []string                // names of find's groups, empty for unnamed ones
	named      bool                    // whether a group has a name
	converters []converter             // by group, nil for a regular expression
	prefix     bool                    // whether the route need not match the entire path
}

// compileRoutes compiles a route table. An error begins with the index of the
// entry.
func compileRoutes(routes []abi.WSRoute) ([]wsRoute, error) {
	table := make([]wsRoute, 0, len(routes))
	for i, route := range routes {
		var compiled wsRoute
		var err error
		switch {
		case (route.Path == nil) == (route.Regex == nil):
			return nil, errors.New("[" + strconv.Itoa(i) + "]: expected either path or regex")
		case route.Path != nil:
			compiled, err = compilePath(*route.Path, false)
		default:
			compiled, err = compileRegex(*route.Regex)
		}
		if err != nil {
			return nil, at("["+strconv.Itoa(i)+"].", err)
		}
		compiled.name = route.Name
		table = append(table, compiled)
	}
	return table, nil
}

// matchWebsocket sets the route of the decision to the first one that matches
// path, which has no leading slash.
func (c *call) matchWebsocket(path string) {
	for i := range c.wsTables[c.d.WSURLConf] {
		route := &c.wsTables[c.d.WSURLConf][i]
		start := len(c.d.scratch)
		c.d.scratch = append(c.d.scratch, '{')
		if _, ok := c.d.match(route, path); ok {
			c.d.scratch = append(c.d.scratch, '}')
			c.d.RouteFound, c.d.RouteName, c.d.RouteKwargs = true, route.name, c.d.text(start)
			return
		}
		c.d.scratch = c.d.scratch[:start]
	}
}

// strictWebsocket matches like the reference's TenantURLRouter, in which the
// folder is a route before those of the table, with converters.
func (c *call) strictWebsocket(folder string) {
	path := strings.TrimLeft(c.path, "/")
	if folder == "" {
		c.matchWebsocket(path)
		return
	}
	prefix, err := compilePath(folder+"/", true)
	if err != nil {
		return
	}
	start := len(c.d.scratch)
	rest, ok := c.d.match(&prefix, path)
	c.d.scratch = c.d.scratch[:start]
	if ok {
		c.matchWebsocket(strings.TrimLeft(rest, "/"))
	}
}

// match reports whether a route matches, and returns the path after the match. It
// appends the route's values to the scratch, as members of a JSON object.
func (d *Decision) match(r *wsRoute, path string) (rest string, ok bool) {
	if r.find == nil {
		if r.prefix {
			return strings.CutPrefix(path, r.literal)
		}
		return "", path == r.literal
	}
	offsets := r.find(path)
	if offsets == nil {
		return "", false
	}
	first := true
	for i := 1; i < len(r.groups); i++ {
		lo, hi := offsets[2*i], offsets[2*i+1]
		// As in Django, unnamed groups count only if no group has a name, and a
		// named group that did not match is omitted.
		if r.named && (r.groups[i] == "" || lo < 0) {
			continue
		}
		if !first {
			d.scratch = append(d.scratch, ',')
		}
		first = false
		key := r.groups[i]
		if !r.named {
			key = strconv.Itoa(i - 1)
		}
		d.scratch = append(appendJSON(d.scratch, key), ':')
		switch {
		case lo < 0:
			d.scratch = append(d.scratch, "null"...)
		case r.converters == nil:
			d.scratch = appendJSON(d.scratch, path[lo:hi])
		default:
			if d.scratch, ok = r.converters[i].append(d.scratch, path[lo:hi]); !ok {
				return "", false
			}
		}
	}
	return path[offsets[1]:], true
}

// appendJSON appends s as a JSON string.
func appendJSON(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
