package sockets

import (
	"strings"

	"golang.org/x/net/http/httpguts"
)

// extension is an element of Sec-WebSocket-Extensions (RFC 6455, 9.1).
type extension struct {
	name       string
	parameters []parameter
}

// parameter is a parameter of an extension, with its value unquoted.
type parameter struct {
	name, value string
	valued      bool
}

// parseExtensions parses Sec-WebSocket-Extensions. Lists may be empty and have
// empty elements (RFC 9110, 5.6.1.2). It reports false for a syntax error.
func parseExtensions(values []string) (all []extension, ok bool) {
	for _, value := range values {
		s := scanner{value}
		for s.skip(); s.rest != ""; s.skip() {
			if s.take(',') {
				continue
			}
			e, ok := s.extension()
			if !ok || s.rest != "" && s.rest[0] != ',' {
				return nil, false
			}
			all = append(all, e)
		}
	}
	return all, true
}

// parseTokens parses a list of tokens, such as Sec-WebSocket-Protocol.
func parseTokens(values []string) (all []string, ok bool) {
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			if element = strings.Trim(element, " \t"); element == "" {
				continue
			}
			if !httpguts.ValidHeaderFieldName(element) {
				return nil, false
			}
			all = append(all, element)
		}
	}
	return all, true
}

// scanner reads the parts of a header value. Blanks are allowed between any two
// parts (the implied LWS of RFC 2616, to which RFC 6455 refers).
type scanner struct{ rest string }

func (s *scanner) skip() { s.rest = strings.TrimLeft(s.rest, " \t") }

// take reads the character c and the blanks after it, if c is next.
func (s *scanner) take(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.skip()
	return true
}

// token reads a token and the blanks after it; empty if there is none.
func (s *scanner) token() string {
	n := 0
	for n < len(s.rest) && httpguts.IsTokenRune(rune(s.rest[n])) {
		n++
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	s.skip()
	return token
}

func (s *scanner) extension() (e extension, ok bool) {
	if e.name = s.token(); e.name == "" {
		return e, false
	}
	for s.take(';') {
		p := parameter{name: s.token()}
		if p.name == "" {
			return e, false
		}
		if s.take('=') {
			if p.value, p.valued = s.value(); !p.valued {
				return e, false
			}
		}
		e.parameters = append(e.parameters, p)
	}
	return e, true
}

// value reads a token, or a quoted string that contains one.
func (s *scanner) value() (value string, ok bool) {
	if s.rest == "" || s.rest[0] != '"' {
		value = s.token()
		return value, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.rest = s.rest[i+1:]
			s.skip()
			return b.String(), httpguts.ValidHeaderFieldName(b.String())
		case '\\':
			if i++; i == len(s.rest) {
				return "", false
			}
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
