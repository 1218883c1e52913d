package cases

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
	tenantfile "github.com/tenantedge/tenantedge/tenantdb/file"
)

// File is a file of cases.
type File struct {
	Name    string
	Config  *config.File // of the host; only what decides about requests applies
	Now     time.Time    // that the guest sees
	Queries map[string][]QueryAnswer
	Files   map[string]map[string]config.Text // of tenants, by schema and name; nil: guests have no files
	Rejects string                            // the guest must reject the configuration with this text in the error; empty: accept it
	Cases   []Case
}

// document is the form of a File.
type document struct {
	header
	Cases []Case `key:"cases"`
}

// header has the keys of a file besides its cases.
type header struct {
	config.Position
	Config  *config.File                      `key:"config"`
	Tenants []tenantEntry                     `key:"tenants"`
	Queries map[string][]QueryAnswer          `key:"queries"`
	Files   map[string]map[string]config.Text `key:"files"`
	Now     string                            `key:"now"`
	Rejects string                            `key:"rejects"`
}

// tenantEntry is a row of the tenant table with its domains.
type tenantEntry struct {
	config.Position
	ID         config.Text            `key:"id,required"`
	Schema     string                 `key:"schema,required,nonempty"`
	Attributes map[string]config.Text `key:"attributes"`
	Domains    []struct {
		Domain            string `key:"domain,required,nonempty"`
		Folder            string `key:"folder"`
		Primary           bool   `key:"primary"`
		RedirectToPrimary bool   `key:"redirect_to_primary"`
	} `key:"domains"`
}

// defaultNow is the time that guests see if the file names none.
var defaultNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxFile is the size of a file of cases in bytes: about half a million cases.
const maxFile = 256 << 20

// Load reads the file at path. Errors in it are *config.Error, joined.
func Load(path string) (*File, error) {
	data, _, err := tenantfile.ReadRegular(path, maxFile+1)
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes; divide it", path, maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cases: expected a file of cases, YAML or JSON: %w", err)
	}
	if bytes.HasPrefix(data, []byte("\x00asm")) {
		return nil, fmt.Errorf("cases: expected a file of cases, YAML or JSON, found the WebAssembly module %s; name the guest first", path)
	}
	return Parse(path, data)
}

// Parse decodes the content of the file called name: JSON lines if the name ends in
// .jsonl, otherwise YAML or JSON.
func Parse(name string, data []byte) (*File, error) {
	var doc document
	var err error
	if strings.HasSuffix(strings.ToLower(name), ".jsonl") {
		err = decodeLines(name, data, &doc)
	} else {
		err = config.Decode(name, data, &doc)
	}
	if err != nil {
		return nil, err
	}
	return doc.finish(name)
}

// decodeLines decodes JSON lines. The first line may be the header.
func decodeLines(name string, data []byte, doc *document) error {
	var errs []error
	first := true
	for n, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c Case
		err := config.DecodeLine(name, n+1, line, &c)
		if err != nil && first {
			if config.DecodeLine(name, n+1, line, &doc.header) == nil {
				err = nil
			}
		} else if err == nil {
			doc.Cases = append(doc.Cases, c)
		}
		first = false
		if err != nil {
			errs = append(errs, err)
		}
		if len(errs) == maxErrors {
			break
		}
	}
	return errors.Join(errs...)
}

// maxErrors limits the lines of JSON that are reported.
const maxErrors = 20

// problems are errors in a file, found after decoding.
type problems struct {
	name string
	errs []error
}

func (p *problems) add(at config.Position, path, format string, args ...any) {
	p.errs = append(p.errs, &config.Error{File: p.name, Line: at.Line, Column: at.Column, Path: path, Problem: fmt.Sprintf(format, args...)})
}

func (doc *document) finish(name string) (*File, error) {
	f := &File{Name: name, Config: doc.Config, Now: defaultNow, Queries: doc.Queries, Files: doc.Files, Rejects: doc.Rejects, Cases: doc.Cases}
	p := &problems{name: name}
	if doc.Now != "" {
		var err error
		if f.Now, err = time.Parse(time.RFC3339, doc.Now); err != nil || f.Now.UnixNano() <= 0 {
			p.add(doc.Position, "now", "expected a time such as 2026-01-01T00:00:00Z, found %q", doc.Now)
		}
	}
	for query, answers := range doc.Queries {
		for i := range answers {
			answers[i].check(p, fmt.Sprintf("queries.%s[%d]", query, i))
		}
	}
	f.finishConfig(doc, p)
	names := make(map[string]int, len(f.Cases))
	for i := range f.Cases {
		c := &f.Cases[i]
		c.File = name
		c.check(p, fmt.Sprintf("cases[%d]", i))
		if line, taken := names[c.Name]; taken {
			p.add(c.Position, fmt.Sprintf("cases[%d].name", i), "expected each name once, found %q again, first on line %d; change one of them", c.Name, line)
		}
		names[c.Name] = c.Line
	}
	switch {
	case f.Rejects == "" && len(f.Cases) == 0:
		p.add(doc.Position, "", "expected the key cases, a list, found no case; add one")
	case f.Rejects != "" && len(f.Cases) > 0:
		p.add(f.Cases[0].Position, "cases[0]", "expected no cases with the key rejects, found %d; move them to another file", len(f.Cases))
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return f, nil
}

// finishConfig keeps of the configuration what decides about requests, and sets the
// directory.
func (f *File) finishConfig(doc *document, p *problems) {
	if f.Config == nil {
		// This is a valid configuration.
		f.Config, _ = config.Parse(f.Name, []byte("tenants: {public: {}, default: {}}"))
	}
	c := f.Config
	directory := config.Directory{Source: "file", Tenants: []tenantdb.Tenant{}, Domains: []tenantdb.Domain{}}
	switch {
	case c.Directory.Source == "":
	case c.Directory.Source != "file" || c.Directory.Path != "":
		p.add(doc.Position, "config.directory", "expected a directory with rows, found one that is read from elsewhere; remove it and add tenants to this file")
	default:
		directory = c.Directory
		if len(doc.Tenants) > 0 {
			p.add(doc.Tenants[0].Position, "tenants", "expected the rows in tenants or in config.directory, found both; remove one of them")
		}
	}
	addRows(&directory, doc.Tenants, p)
	Detach(c)
	c.Directory = directory
}

// Detach removes from c what needs a database, a server, a secret or a file. What
// decides about requests is left, except the rows of the directory.
func Detach(c *config.File) {
	c.Directory = config.Directory{}
	c.Queries, c.Sessions, c.Media, c.SigningKeys, c.TenantHeaderProof, c.Listeners = nil, nil, nil, nil, nil, nil
	c.WSTargets, c.Channels, c.Admin, c.AdminTokens, c.AdminTLS, c.AuditLog = nil, config.Channels{}, "", nil, nil, ""
	c.Guest = config.Guest{CompileCache: c.Guest.CompileCache}
}

// addRows adds the tenants and their domains to d.
func addRows(d *config.Directory, tenants []tenantEntry, p *problems) {
	ids, schemas := map[string]bool{}, map[string]bool{}
	domains := map[[2]string]bool{}
	for i, t := range tenants {
		path := fmt.Sprintf("tenants[%d]", i)
		if id := strings.ToLower(string(t.ID)); ids[id] || schemas[t.Schema] {
			p.add(t.Position, path, "expected each id and schema once, found id %q with schema %q; change one of them", t.ID, t.Schema)
		} else {
			ids[id], schemas[t.Schema] = true, true
		}
		row := tenantdb.Tenant{ID: string(t.ID), Schema: t.Schema}
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			row.Attributes = append(row.Attributes, tenantdb.Attribute{Name: name, Value: string(t.Attributes[name])})
		}
		d.Tenants = append(d.Tenants, row)
		for _, dom := range t.Domains {
			if pair := [2]string{dom.Domain, dom.Folder}; domains[pair] {
				p.add(t.Position, path, "expected each pair of domain and folder once, found %q with folder %q again; remove it", dom.Domain, dom.Folder)
			} else {
				domains[pair] = true
			}
			d.Domains = append(d.Domains, tenantdb.Domain{
				TenantID: row.ID, Domain: dom.Domain, Folder: dom.Folder, IsPrimary: dom.Primary, RedirectToPrimary: dom.RedirectToPrimary,
			})
		}
	}
}
