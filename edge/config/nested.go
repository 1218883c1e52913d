package config

// Decode decodes a file that has a configuration among other things. dst points to
// a struct with tags like those of File, such as
//
//	var file struct {
//		Config config.File           `key:"config"`
//		Rules  map[string]config.JSON `key:"rules"`
//	}
//
// Fields may be structs, pointers, slices, maps by text, scalars, a File, JSON and
// Text. A struct that embeds a Position gets the position of its value, and a type
// with a Shorthand may be a scalar in the file. The rules for files and the errors
// are those of Parse.
func Decode(name string, data []byte, dst any) error {
	return newDecoder(name).decode(data, dst)
}

// DecodeLine is Decode for a line of JSON lines: the one with that number, from 1, in
// the file called name.
func DecodeLine(name string, line int, data []byte, dst any) error {
	d := newDecoder(name)
	d.start.line, d.lines = line, true
	return d.decode(data, dst)
}

func (d *decoder) decode(data []byte, dst any) error {
	if root := d.read(data); root != nil {
		value{d, root, nil}.object(dst)
	}
	return d.err()
}

// Position is where a value of a file starts: line and column, from 1.
type Position struct{ Line, Column int }

func (p *Position) set(at position) { *p = Position{at.line, at.col} }

type positioned interface{ set(at position) }

// Text is the text of a scalar of any type: 404, true and "x" are texts.
type Text string

func (t *Text) decode(v value) {
	if v.n.kind == kindList || v.n.kind == kindMapping {
		v.mismatch("a string, a number, true or false")
		return
	}
	*t = Text(v.n.text)
}

// Shorthand is implemented by types that a scalar in a file stands for. SetText
// gets the text of the scalar; its error says what was expected and found.
type Shorthand interface{ SetText(text string) error }

// decode decodes a configuration inside of a file. Its paths in errors start at
// the configuration, so that those of later checks find the positions of its keys.
func (f *File) decode(v value) {
	doc := newDocument(v.d.name)
	doc.decode(value{v.d, v.n, nil})
	*f = *doc.finish(v.d)
}
