package file

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Decode decodes the lists tenants and domains. The data is JSON if the file's
// name ends in .json or the data is valid JSON that starts with a brace, and
// YAML otherwise. Errors are an *Error.
func Decode(name string, data []byte) (tenantdb.State, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		return decodeJSON(name, data)
	}
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		// JSON is YAML, but the YAML parser does not join surrogate pairs.
		if s, err := decodeJSON(name, data); err == nil {
			return s, nil
		}
	}
	if s, plain := decodePlain(data); plain {
		return s, nil
	}
	return decodeYAML(name, data)
}

func decodeYAML(name string, data []byte) (tenantdb.State, error) {
	var doc yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(data))
	if err := in.Decode(&doc); errors.Is(err, io.EOF) {
		return tenantdb.State{}, &Error{name, 1, 1, "", expectTop, "nothing", "write `tenants: []` if there are none"}
	} else if err != nil {
		return tenantdb.State{}, syntaxError(name, err)
	}
	var second yaml.Node
	if err := in.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return tenantdb.State{}, syntaxError(name, err)
		}
		return tenantdb.State{}, &Error{name, second.Line, second.Column, "", "one document", "a second one", "put all rows in one"}
	}
	return fromNode(name, doc.Content[0], true)
}

var yamlPosition = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func syntaxError(name string, err error) error {
	line, found := 1, err.Error()
	if m := yamlPosition.FindStringSubmatch(strings.ReplaceAll(found, "\n", " ")); m != nil {
		found = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	return &Error{name, line, 1, "", "valid YAML", found, "the mistake may be on the line before"}
}

// FromNode decodes the lists tenants and domains of a mapping that the caller has
// parsed, and ignores its other keys. name is the file's name in errors.
func FromNode(name string, n *yaml.Node) (tenantdb.State, error) {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	return fromNode(name, n, false)
}

// nodeReader reads rows from parsed YAML. Its positions are indexes in nodes.
type nodeReader struct {
	file  string
	rows  rows
	nodes []*yaml.Node // the current row, then the values of its fields
	list  string
	index int
}

func fromNode(name string, n *yaml.Node, strict bool) (tenantdb.State, error) {
	r := &nodeReader{file: name, index: -1}
	n = target(n)
	if n.Kind != yaml.MappingNode {
		return tenantdb.State{}, r.fail(n, "", expectTop, describe(n), "")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], target(n.Content[i+1])
		switch {
		case key.Value != "tenants" && key.Value != "domains":
			if strict {
				return tenantdb.State{}, r.fail(key, "", "tenants or domains", "key "+show(key.Value), "correct or remove it")
			}
			continue
		case seen[key.Value]:
			return tenantdb.State{}, r.fail(key, "", "each key once", show(key.Value)+" twice", "put all rows in one list")
		}
		seen[key.Value] = true
		r.list, r.index = key.Value, -1
		if err := r.sequence(value); err != nil {
			return tenantdb.State{}, err
		}
		r.list, r.index = "", -1
	}
	return r.rows.state, nil
}

func (r *nodeReader) sequence(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return r.fail(n, "", expectRows, describe(n), "start each row with a hyphen")
	}
	var fields []field
	for i, item := range n.Content {
		r.index = i
		row := target(item)
		if row.Kind != yaml.MappingNode {
			return r.fail(item, "", expectRow, describe(row), "")
		}
		fields, r.nodes = fields[:0], append(r.nodes[:0], item)
		for k := 0; k+1 < len(row.Content); k += 2 {
			key := row.Content[k]
			v, err := r.scalar(key, target(row.Content[k+1]))
			if err != nil {
				return err
			}
			r.nodes = append(r.nodes, row.Content[k+1])
			fields = append(fields, field{key.Value, v, len(r.nodes) - 1})
		}
		if p := r.rows.add(r.list, fields, 0); p != nil {
			return r.fail(r.nodes[p.at], p.key, p.expected, p.found, p.advice)
		}
	}
	return nil
}

func (r *nodeReader) scalar(key, n *yaml.Node) (value, error) {
	switch {
	case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
		return value{}, r.fail(key, "", "the name of a column", describe(key), "")
	case n.Kind == yaml.SequenceNode:
		return value{kind: list}, nil
	case n.Kind == yaml.MappingNode:
		return value{kind: mapping}, nil
	}
	v := value{text: n.Value, plain: n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0}
	switch n.ShortTag() {
	case "!!null":
		v.kind = null
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return v, r.fail(n, "."+key.Value, "true or false", show(n.Value), "")
		}
		v.kind, v.text = boolean, strconv.FormatBool(b)
	case "!!int":
		v.kind = integer
		if (key.Value == "id" || key.Value == "tenant_id") && !decimal.MatchString(n.Value) {
			// YAML takes 0x10, 1_000 and 007 for numbers; as a key they are ambiguous.
			return v, r.fail(n, "."+key.Value, "a whole number in plain decimal digits", show(n.Value), "put it in double quotes if it is text")
		}
	case "!!float":
		v.kind = number
		if decimal.MatchString(n.Value) {
			v.kind = integer // too large for the parser's integers
		}
	case "!!str", "!!timestamp", "!!binary":
		v.kind = text
	default:
		return v, r.fail(n, "."+key.Value, expectScalar, "tag "+n.ShortTag(), "remove the tag")
	}
	if key.Value == "<<" {
		return v, r.fail(key, "", "the name of a column", "a merge key", "write the columns out")
	}
	return v, nil
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (r *nodeReader) fail(n *yaml.Node, key, expected, found, advice string) error {
	return &Error{r.file, n.Line, n.Column, keyOf(r.list, r.index, key), expected, found, advice}
}

// target follows an alias. Rows have at most three levels, so that nested
// aliases cannot expand exponentially.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// describe describes a node for an error.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	case yaml.ScalarNode:
		if n.ShortTag() == "!!null" {
			return "nothing"
		}
		return show(n.Value)
	}
	return "something else"
}
