// Package config reads the configuration file of an edge: listeners, the TENANTS
// table of django-pgschemas, the source of dynamic tenants, and what serves each
// urlconf.
//
//	f, err := config.Load("tenantedge.yaml")
//	if err != nil {
//		return err // every mistake with file, line, column and key
//	}
//
// The file is YAML or JSON. The output of json.dumps(settings.TENANTS) is a valid
// value of its key tenants. Unknown keys, duplicate keys and values of the wrong
// type are errors; up to twenty are reported at once. REFERENCE.md lists every
// key.
//
// Load reads only the file itself. The secrets, certificates and other files that
// it names are read by methods that return or check them. Package serve opens the
// directory, the sessions and the queries.
package config

import (
	"bytes"
	"fmt"
	"os"
)

// Load reads and decodes the file at path. Relative paths in it start from its
// folder. The error joins *Error values, or wraps the error of reading the file.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: expected a file, YAML or JSON: %w", err)
	}
	return Parse(path, data)
}

// Parse decodes data, the content of the file called name. Errors contain the
// name, and relative paths start from its folder. Data is read as JSON if name
// ends in .json or if data looks like a JSON object, otherwise as YAML.
func Parse(name string, data []byte) (*File, error) {
	d := newDecoder(name)
	doc := newDocument(name)
	if root := d.read(data); root != nil {
		doc.decode(value{d, root, nil})
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return doc.finish(d), nil
}

// read returns nil if data is empty or cannot be read.
func (d *decoder) read(data []byte) (root *node) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bad := invalidUTF8(data); bad >= 0 {
		d.fail(d.start.after(data[:bad]), nil, "expected UTF-8, found an invalid byte; save the file as UTF-8")
		return nil
	}
	if d.lines || looksLikeJSON(d.name, data) {
		root = readJSON(d, data)
	} else {
		root = readYAML(d, data)
	}
	if root == nil || root.isNull() || d.broken {
		return nil
	}
	return root
}
