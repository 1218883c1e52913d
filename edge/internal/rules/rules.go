// Package rules compiles routing rules to WebAssembly and links them into a guest. The
// result is another guest: the host tries, compiles and swaps it like any other.
//
//	parsed, err := rules.Parse("tenant1 /beta -> beta\n", []string{"beta"})
//	guest, err := rules.Link(assets.Router, parsed)
//
// A rule changes the decision of the guest on a request that has a tenant. It needs
// no compiler but this package, so the demonstration can make guests where Go is not
// installed. RATIONALE.md has the design.
package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a text of rules.
const (
	MaxText  = 4 << 10 // bytes
	MaxRules = 32
)

// Actions that are not the name of a urlconf.
const (
	NotFound = "404"  // the client gets 404, as if no tenant had the host
	Spin     = "spin" // the guest never ends: the host interrupts it
)

// Rule is what happens to a tenant's requests for a path.
type Rule struct {
	Tenant string // schema; * for all
	// Path is the beginning of the path as the client sends it, with the folder: /a
	// matches /a, /a/b and /a?b, /a/ also /a/b, and / everything.
	Path   string
	Action string // NotFound, Spin or the name of a urlconf
}

// Error is a mistake in a text of rules. Lines and columns count from 1, columns in
// characters.
type Error struct {
	Line, Column int
	Text         string // expected, found, what to do
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// Parse reads rules, one on each line, as TENANT PATH -> ACTION. Empty lines and text
// after # are ignored. urlconfs are the names that an action may have. The error is an
// *Error. The first rule that matches a request decides.
func Parse(text string, urlconfs []string) ([]Rule, error) {
	if len(text) > MaxText {
		return nil, &Error{1, 1, fmt.Sprintf("expected rules of at most %d bytes, found %d; remove some", MaxText, len(text))}
	}
	var all []Rule
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\r"), "#")
		words := fields(line)
		if len(words) == 0 {
			continue
		}
		if len(all) == MaxRules {
			return nil, &Error{i + 1, words[0].column, fmt.Sprintf("expected at most %d rules, found more; remove some", MaxRules)}
		}
		rule, err := parseRule(words, urlconfs)
		if err != nil {
			err.Line = i + 1
			if err.Column == 0 {
				err.Column = utf8.RuneCountInString(strings.TrimRight(line, " \t")) + 1
			}
			return nil, err
		}
		all = append(all, rule)
	}
	return all, nil
}

// word is a word of a line. Its column counts from 1.
type word struct {
	text   string
	column int
}

// fields returns the words of a line.
func fields(line string) (words []word) {
	for at := 0; at < len(line); {
		if line[at] == ' ' || line[at] == '\t' {
			at++
			continue
		}
		end := at
		for end < len(line) && line[end] != ' ' && line[end] != '\t' {
			end++
		}
		words = append(words, word{line[at:end], utf8.RuneCountInString(line[:at]) + 1})
		at = end
	}
	return words
}

// parseRule parses a line. The column of an error is 0 at the end of the line.
func parseRule(words []word, urlconfs []string) (Rule, *Error) {
	get := func(i int) word {
		if i < len(words) {
			return words[i]
		}
		return word{}
	}
	tenant, path, arrow, action := get(0), get(1), get(2), get(3)
	failure := func(at word, expected, remedy string) *Error {
		found := "the end of the line"
		if at.text != "" {
			found = fmt.Sprintf("%.40q", at.text)
		}
		return &Error{0, at.column, fmt.Sprintf("expected %s, found %s; %s", expected, found, remedy)}
	}
	switch {
	case tenant.text != "*" && !isName(tenant.text):
		return Rule{}, failure(tenant, "the name of a tenant, or * for all", `write for example "tenant1 /beta -> beta"`)
	case !isPath(path.text):
		return Rule{}, failure(path, "a path that begins with /", `write for example "/beta"`)
	case arrow.text != "->":
		return Rule{}, failure(arrow, "->", "put it between the path and what is to happen")
	case action.text != NotFound && action.text != Spin && !slices.Contains(urlconfs, action.text):
		return Rule{}, failure(action, "one of "+strings.Join(urlconfs, ", ")+", "+NotFound+" and "+Spin, "use one of these")
	case len(words) > 4:
		return Rule{}, failure(words[4], "the end of the line", "write one rule on a line")
	}
	return Rule{tenant.text, path.text, action.text}, nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// isPath reports whether s may be the beginning of a request's path. Clients send only
// visible ASCII characters.
func isPath(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '?' {
			return false
		}
	}
	return strings.HasPrefix(s, "/")
}
