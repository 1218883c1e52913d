package tenancy

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
	"github.com/tenantedge/tenantedge/guest/internal/pyregex"
)

// converter is one of Django's path converters.
type converter uint8

const (
	noConverter converter = iota
	strConverter
	intConverter
	slugConverter
	uuidConverter
	pathConverter
)

// maxIntDigits is the maximum number of digits that Python's int accepts. A route
// does not match a longer number.
const maxIntDigits = 4300

var converters = map[string]struct {
	is      converter
	pattern string
}{
	"str":  {strConverter, `[^/]+`},
	"int":  {intConverter, `[0-9]+`},
	"slug": {slugConverter, `[-a-zA-Z0-9_]+`},
	"uuid": {uuidConverter, `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`},
	"path": {pathConverter, `.+`},
}

// append appends the value of s as JSON: an integer for int, else text. It fails
// if Django's converter does.
func (c converter) append(b []byte, s string) ([]byte, bool) {
	if c != intConverter {
		return appendJSON(b, s), true
	}
	if len(s) > maxIntDigits {
		return b, false
	}
	s = strings.TrimLeft(s, "0")
	if s == "" {
		s = "0"
	}
	return append(b, s...), true
}

// compilePath compiles a route in the syntax of Django's path(). A prefix need not
// match the entire path.
func compilePath(route string, prefix bool) (wsRoute, error) {
	compiled := wsRoute{literal: route, prefix: prefix}
	var pattern strings.Builder
	pattern.WriteString("^")
	rest := route
	for {
		start, end := parameter(rest)
		if start < 0 {
			break
		}
		pattern.WriteString(pyregex.Quote(rest[:start]))
		kind, name, ok := strings.Cut(rest[start+1:end-1], ":")
		if !ok {
			kind, name = "str", kind
		}
		known, exists := converters[kind]
		switch {
		case strings.ContainsAny(rest[start:end], " \t\n\r\v\f"):
			return wsRoute{}, pathError(route, "white space in angle brackets")
		case !pyregex.IsIdentifier(name):
			return wsRoute{}, pathError(route, "the parameter "+lexeme.Quote(name)+", which is not an identifier")
		case slices.Contains(compiled.groups, name):
			return wsRoute{}, pathError(route, "the parameter "+lexeme.Quote(name)+" twice")
		case !exists:
			return wsRoute{}, pathError(route, "the converter "+lexeme.Quote(kind)+", expected str, int, slug, uuid or path")
		}
		if compiled.converters == nil {
			compiled.converters, compiled.groups = []converter{noConverter}, []string{""}
		}
		compiled.converters, compiled.groups = append(compiled.converters, known.is), append(compiled.groups, name)
		pattern.WriteString("(" + known.pattern + ")")
		rest = rest[end:]
	}
	if compiled.converters == nil {
		return compiled, nil
	}
	pattern.WriteString(pyregex.Quote(rest))
	if !prefix {
		pattern.WriteString(`\z`)
	}
	re, err := pyregex.Compile(pattern.String())
	if err != nil {
		return wsRoute{}, at("path: "+lexeme.Quote(route)+": ", err)
	}
	compiled.find, compiled.named = re.Match, true
	return compiled, nil
}

func pathError(route, has string) error {
	return errors.New("path: " + lexeme.Quote(route) + " has " + has)
}

// parameter returns the offsets of the first <converter:name> or <name> in a
// route, as matched by <(?:([^>:]+):)?([^>]+)>, or -1.
func parameter(route string) (start, end int) {
	for start = 0; start < len(route); start++ {
		if route[start] != '<' {
			continue
		}
		length := strings.IndexByte(route[start+1:], '>')
		if length < 0 {
			break
		}
		if length > 0 {
			return start, start + length + 2
		}
	}
	return -1, -1
}
