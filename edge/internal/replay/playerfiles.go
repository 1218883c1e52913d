package replay

import (
	"context"
	"encoding/json"
	"io"

	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Files implements guests.Tape.
func (p *player) Files(schema string, last hostfuncs.Files, _ func(hostfuncs.Files) (hostfuncs.Files, error)) (hostfuncs.Files, error) {
	if f, ok := last.(*files); ok && f.schema == schema {
		return last, nil
	}
	a := p.find(record.AskFiles, schema)
	switch {
	case a == nil:
		p.miss("the files of the tenant with the schema %q", schema)
		return nil, abi.Unavailable
	case a.Errno != abi.OK:
		return nil, a.Errno
	}
	return &files{p, schema}, nil
}

// files are a tenant's files as they were recorded.
type files struct {
	player *player
	schema string
}

// answer returns the answer to a question about a file, decoded into v unless that is
// nil.
func (f *files) answer(v any, kind, name string, more ...string) (string, error) {
	a := f.player.find(kind, append([]string{f.schema, name}, more...)...)
	switch {
	case a == nil:
		f.player.miss("%s of the file %q of the schema %q", kind, name, f.schema)
		return "", abi.Unavailable
	case a.Errno != abi.OK:
		return "", a.Errno
	case v == nil:
		return a.Answer, nil
	}
	if err := json.Unmarshal([]byte(a.Answer), v); err != nil {
		f.player.miss("%s of the file %q of the schema %q, whose answer is malformed", kind, name, f.schema)
		return "", abi.Unavailable
	}
	return a.Answer, nil
}

// Open implements hostfuncs.Files.
func (f *files) Open(_ context.Context, name string) (io.ReadCloser, error) {
	c := &content{player: f.player, name: name}
	_, err := f.answer(&c.Content, record.AskOpen, name)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// content is what was read of a file. Each read returns at most what the recorded one
// did, since a guest may act on that.
type content struct {
	record.Content
	player *player
	name   string
}

func (c *content) Read(b []byte) (int, error) {
	switch {
	case len(c.Reads) > 0:
		n := copy(b, c.Reads[0])
		if c.Reads[0] = c.Reads[0][n:]; len(c.Reads[0]) == 0 {
			c.Reads = c.Reads[1:]
		}
		return n, nil
	case c.End:
		return 0, io.EOF
	case c.Errno != abi.OK:
		return 0, c.Errno
	}
	c.player.miss("more of the file %q", c.name)
	return 0, abi.Unavailable
}

func (c *content) Close() error { return nil }

// Save implements hostfuncs.Files. Nothing is saved.
func (f *files) Save(_ context.Context, name string, content io.Reader) (string, error) {
	all, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	return f.answer(nil, record.AskSave, name, record.Digest(all))
}

// Stat implements hostfuncs.Files.
func (f *files) Stat(_ context.Context, name string) (abi.FileStat, error) {
	var s record.Stat
	_, err := f.answer(&s, record.AskStat, name)
	return abi.FileStat{Size: s.Size, Modified: s.Modified, Folder: s.Folder}, err
}

// List implements hostfuncs.Files.
func (f *files) List(_ context.Context, name string, most int) (folders, names []string, err error) {
	var l record.List
	if _, err := f.answer(&l, record.AskList, name); err != nil {
		return nil, nil, err
	}
	if len(l.Folders)+len(l.Files) > most {
		return nil, nil, abi.Limit
	}
	return l.Folders, l.Files, nil
}

// Delete implements hostfuncs.Files.
func (f *files) Delete(_ context.Context, name string) error {
	_, err := f.answer(nil, record.AskDelete, name)
	return err
}

// URL implements hostfuncs.Files.
func (f *files) URL(_ context.Context, name string) (string, error) {
	return f.answer(nil, record.AskURL, name)
}

// Close implements hostfuncs.Files.
func (f *files) Close() error { return nil }

var _ hostfuncs.Files = (*files)(nil)
