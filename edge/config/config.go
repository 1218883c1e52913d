// Package config reads the one file that configures an edge: listeners, the
// TENANTS table of django-pgschemas, where dynamic tenants come from, and what
// each urlconf serves.
//
//	f, err := config.Load("tenantedge.yaml")
//	if err != nil {
//		return err // every mistake with file, line, column and key
//	}
//
// The file is YAML or JSON; what json.dumps(settings.TENANTS) prints is a valid
// value of its key tenants. Keys that are not known, that stand twice or hold
// the wrong type are errors, and all of them are reported at once. REFERENCE.md,
// beside this file, lists every key.
//
// The package does no I/O but reading the file and, when asked, the secrets
// that it names: directory, sessions and queries are described here and opened
// by whoever serves.
package config

import (
	"bytes"
	"fmt"
	"os"
)

// Load reads and decodes the file at path. Relative paths in it start from its
// folder. An error is one or several *Error, joined, or that of reading.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: expected a file, YAML or JSON: %w", err)
	}
	return Parse(path, data)
}

// Parse is Load for bytes that were read already; name stands in errors, and
// its folder is where relative paths start. A name that ends in .json makes it
// JSON; otherwise what is valid JSON is read as JSON, all else as YAML.
func Parse(name string, data []byte) (*File, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := newDecoder(name)
	if bad := invalidUTF8(data); bad >= 0 {
		d.fail(position{1, 1}.after(data[:bad]), nil, "expected UTF-8, found a byte that is none; save the file as UTF-8")
		return nil, d.err()
	}
	var root *node
	if looksLikeJSON(name, data) {
		root = readJSON(d, data)
	} else {
		root = readYAML(d, data)
	}
	doc := newDocument(name)
	if root != nil && !root.isNull() && !d.broken {
		doc.decode(value{d, root, nil})
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return doc.finish(d), nil
}
