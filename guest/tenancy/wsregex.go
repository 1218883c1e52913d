package tenancy

import (
	"fmt"
	"regexp"
	"strings"
)

// compileRegex compiles a route in the syntax of Django's re_path(). It
// matches anywhere in the path unless anchored; one that ends in "$" must
// match to the very end.
func compileRegex(expr string) (wsRoute, error) {
	pattern, err := fromPython(expr)
	if err != nil {
		return wsRoute{}, fmt.Errorf("regex: %q: %w", expr, err)
	}
	if strings.HasSuffix(expr, "$") {
		pattern = `\A(?:` + pattern + `)\z`
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return wsRoute{}, fmt.Errorf("regex: %q: %w (look-around, back references and the flags a, L, u and x are not supported)", expr, err)
	}
	return wsRoute{re: re}, nil
}

// Python's classes know all of Unicode, Go's only ASCII.
const (
	pyDigit = `\p{Nd}`
	pyWord  = `\p{L}\p{N}_`
	pySpace = `\s\v\x1c-\x1f\x85\p{Z}`
)

// fromPython writes a regular expression of Python's in Go's syntax: \Z is the
// end of the text, {,n} begins at 0, and \d, \w and \s know all of Unicode. \b
// knows ASCII alone, and "$" inside of an expression does not match before a
// line break at the end, as Python's does.
func fromPython(expr string) (string, error) {
	var out strings.Builder
	class := false
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\' && i+1 < len(expr):
			i++
			written, err := escapeFromPython(expr[i], class)
			if err != nil {
				return "", err
			}
			out.WriteString(written)
			continue
		case c == '{' && !class && strings.HasPrefix(expr[i:], "{,"):
			out.WriteString("{0")
			continue
		case c == '[' && !class:
			class = true
			out.WriteByte('[')
			if strings.HasPrefix(expr[i+1:], "^") {
				out.WriteByte('^')
				i++
			}
			if strings.HasPrefix(expr[i+1:], "]") {
				out.WriteString(`\]`)
				i++
			}
			continue
		case c == '[':
			// A bracket inside of a class is itself, but [: is a name to Go.
			out.WriteByte('\\')
		case c == ']':
			class = false
		}
		out.WriteByte(c)
	}
	return out.String(), nil
}

func escapeFromPython(c byte, class bool) (string, error) {
	inner := ""
	switch c {
	case 'Z':
		return `\z`, nil
	case 'd':
		return pyDigit, nil
	case 'D':
		return `\P{Nd}`, nil
	case 'w', 'W':
		inner = pyWord
	case 's', 'S':
		inner = pySpace
	default:
		return string([]byte{'\\', c}), nil
	}
	negated := c == 'W' || c == 'S'
	switch {
	case class && negated:
		return "", fmt.Errorf(`\%c inside of brackets is not supported`, c)
	case class:
		return inner, nil
	case negated:
		return "[^" + inner + "]", nil
	default:
		return "[" + inner + "]", nil
	}
}
