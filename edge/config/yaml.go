package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader converts the nodes of the library: it follows aliases and turns tags
// into kinds.
type yamlReader struct {
	d       *decoder
	aliased int // nodes read through aliases; limited against "billion laughs"
}

// readYAML returns nil for a file that is empty or not YAML.
func readYAML(d *decoder, data []byte) *node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			d.syntax(err, data)
		}
		return nil
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		d.fail(position{next.Line, next.Column}, nil, "expected one YAML document, found a second one; merge them")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(err, data)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil
	}
	r := yamlReader{d: d}
	return r.read(doc.Content[0], nil, 0, false)
}

func (r *yamlReader) read(y *yaml.Node, p *path, depth int, aliased bool) *node {
	n := &node{pos: position{y.Line, y.Column}}
	if depth > maxDepth {
		r.d.fail(n.pos, p, "expected at most %d levels, found more; an alias must not contain itself", maxDepth)
		r.d.broken = true
		return n
	}
	if aliased {
		if r.aliased++; r.aliased == maxAliased {
			r.d.fail(n.pos, p, "expected at most %d values through aliases, found more; write them out", maxAliased)
			r.d.broken = true
		}
		if r.aliased >= maxAliased {
			return n
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return r.read(y.Alias, p, depth+1, true)
	case yaml.ScalarNode:
		r.scalar(n, y, p)
	case yaml.SequenceNode:
		n.kind = kindList
		n.items = make([]*node, len(y.Content))
		for i, c := range y.Content {
			n.items[i] = r.read(c, p.item(i), depth+1, aliased)
		}
	case yaml.MappingNode:
		n.kind = kindMapping
		n.pairs = make([]pair, 0, len(y.Content)/2)
		for i := 0; i+1 < len(y.Content); i += 2 {
			r.pair(n, y.Content[i], y.Content[i+1], p, depth, aliased)
		}
		checkKeys(r.d, n, p)
	}
	return n
}

func (r *yamlReader) pair(n *node, k, v *yaml.Node, p *path, depth int, aliased bool) {
	at := position{k.Line, k.Column}
	if k.Kind == yaml.AliasNode {
		k = k.Alias
	}
	switch {
	case k.Kind != yaml.ScalarNode || k.ShortTag() == "!!null":
		r.d.fail(at, p, "expected a key, found something else; quote the key if it contains special characters")
		return
	case k.ShortTag() == "!!merge":
		r.d.fail(at, p, "expected a key, found the merge key <<; repeat the keys, or use an alias for the whole value")
		return
	}
	key := &node{kind: kindString, text: k.Value, pos: at}
	n.pairs = append(n.pairs, pair{key, r.read(v, p.child(k.Value), depth+1, aliased)})
}

func (r *yamlReader) scalar(n *node, y *yaml.Node, p *path) {
	n.text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.kind = kindNull
	case "!!bool":
		n.kind = kindBool
		n.text = strings.ToLower(y.Value)
		if n.text != "true" && n.text != "false" {
			r.d.fail(n.pos, p, "expected true or false, found %q", shorten(y.Value))
			n.kind = kindNull
		}
	case "!!int":
		n.kind = kindInt
	case "!!float":
		n.kind = kindFloat
	case "!!str", "!!timestamp": // dates are kept as text
		n.kind = kindString
	default:
		r.d.fail(n.pos, p, "expected plain YAML, found a tag; remove it, or quote the string if the \"!\" is part of it")
	}
}

var (
	yamlErrorLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports an error of the YAML library. The text has a line but no column;
// grammar errors count lines from 0, and those in the first line have no line. The
// text contains nothing of the file except the name of an anchor, which is left
// out, because a password that starts with "*" looks like an alias.
func (d *decoder) syntax(err error, data []byte) {
	text, line := err.Error(), 0
	if m := yamlErrorLine.FindStringSubmatch(text); m != nil {
		text = m[2]
		line, _ = strconv.Atoi(m[1])
	}
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		d.fail(position{1, 1}.after(before), nil, "expected an anchor for each alias, found none for this one; quote the string if the \"*\" is part of it")
		return
	}
	if line == 0 || strings.HasPrefix(text, "did not find expected") {
		line++
	}
	if at, ok := tabInIndent(data, line); ok && (strings.Contains(text, "tab") || strings.Contains(text, "cannot start any token")) {
		d.fail(at, nil, "expected spaces at the beginning of a line, found a tab; indent with spaces, because YAML does not allow tabs")
		return
	}
	expected := "YAML"
	switch {
	case strings.Contains(text, "cannot start any token"):
		text = "found a character that cannot start a value; put the value in quotes"
	case strings.HasPrefix(text, "did not find expected "):
		expected = strings.TrimPrefix(text, "did not find expected ")
		text = "found something else; look for a bracket, quote or indentation that is wrong here or above"
	case !strings.HasPrefix(text, "found "):
		text = "found a syntax error: " + text
	}
	d.fail(position{line, 0}, nil, "expected %s, %s", expected, text)
}

// tabInIndent finds a tab in the indentation of a line or of the next one: some
// errors of the library have the line before.
func tabInIndent(data []byte, line int) (position, bool) {
	lines := bytes.Split(data, []byte("\n"))
	for _, at := range []int{line, line + 1} {
		if at < 1 || at > len(lines) {
			continue
		}
		text := lines[at-1]
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
			return position{at, tab + 1}, true
		}
	}
	return position{}, false
}
