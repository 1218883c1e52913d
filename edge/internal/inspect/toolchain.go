package inspect

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// Toolchain is what built a module, as it says itself.
type Toolchain struct {
	// Producers are the fields of the producers section, "processed-by: clang 19.1".
	Producers []string `json:"producers"`
	Path      string   `json:"path,omitempty"`    // of the main package of a Go program
	Settings  []string `json:"settings"`          // of the build, "-buildmode=c-shared"
	Language  string   `json:"language"`          // go, tinygo, rust, c, assemblyscript, zig; empty: unknown
	Names     bool     `json:"names"`             // it has names of functions
	Sources   string   `json:"sources,omitempty"` // the URL of its source map
}

func (in *inspector) toolchain() {
	t := &Toolchain{Producers: []string{}, Settings: []string{}, Names: in.names != nil}
	for _, c := range in.m.Customs() {
		switch c.Name {
		case "producers":
			t.Producers = append(t.Producers, producers(c.Data)...)
		case "sourceMappingURL":
			if len(c.Data) > 0 {
				t.Sources = clean(string(c.Data[1:])) // after a length of one byte
			}
		}
	}
	in.goBuild(t)
	t.Language = language(in.m, t)
	in.Toolchain = t
}

// maxProducers is the number of producers that are listed.
const maxProducers = 20

// producers decodes a producers section,
// https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md.
func producers(data []byte) []string {
	var all []string
	r := textReader{data}
	for range r.number() {
		field := r.text()
		for range r.number() {
			if value, version := r.text(), r.text(); len(all) < maxProducers && value != "" {
				all = append(all, clean(field+": "+strings.TrimSpace(value+" "+version)))
			}
			if r.b == nil {
				return all
			}
		}
		if r.b == nil {
			return all
		}
	}
	return all
}

// textReader reads numbers and texts. It is empty after an error.
type textReader struct{ b []byte }

func (r *textReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *textReader) text() string {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.b = nil
		return ""
	}
	text := r.b[:n]
	r.b = r.b[n:]
	return string(text)
}

// The linker of Go puts the build information between two marks, see
// cmd/go/internal/modload. In modules it has no header, so debug/buildinfo cannot read
// it.
const (
	buildStart = "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
	buildEnd   = "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
)

// goBuild reads the build information of a Go program.
func (in *inspector) goBuild(t *Toolchain) {
	for _, d := range in.m.Data.All() {
		_, info, found := bytes.Cut(d.Bytes, []byte(buildStart))
		info, _, ended := bytes.Cut(info, []byte(buildEnd))
		if !found || !ended {
			continue
		}
		for line := range strings.Lines(string(info)) {
			kind, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			switch {
			case kind == "path":
				t.Path = clean(value)
			case kind == "build" && len(t.Settings) < maxProducers:
				t.Settings = append(t.Settings, clean(value))
			}
		}
		return
	}
}

// language returns the language of a module.
func language(m *wasm.Module, t *Toolchain) string {
	all := strings.ToLower(strings.Join(t.Producers, "\n"))
	switch {
	case strings.Contains(all, "tinygo"):
		return "tinygo"
	case t.Path != "" || strings.Contains(all, "language: go"):
		return "go"
	case strings.Contains(all, "rust"):
		return "rust"
	case strings.Contains(all, "assemblyscript"):
		return "assemblyscript"
	case strings.Contains(all, "zig"):
		return "zig"
	case strings.Contains(all, "clang"):
		return "c"
	}
	for _, i := range m.Imports.All() {
		if i.Module == "env" && i.Name == "abort" {
			return "assemblyscript"
		}
	}
	return ""
}
