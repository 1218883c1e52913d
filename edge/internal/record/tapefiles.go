package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Content is the answer of AskOpen.
type Content struct {
	Reads [][]byte  `json:"reads"`           // what each read returned
	End   bool      `json:"end,omitempty"`   // the last read reached the end
	Errno abi.Errno `json:"errno,omitempty"` // of the last read
}

// Stat is the answer of AskStat.
type Stat struct {
	Size     int64 `json:"size"`
	Modified int64 `json:"modified"` // nanoseconds since 1970
	Folder   bool  `json:"folder,omitempty"`
}

// List is the answer of AskList.
type List struct {
	Folders []string `json:"folders"`
	Files   []string `json:"files"`
}

// Digest returns the digest of a file's content, as AskSave has it.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Files implements guests.Tape.
func (t *tape) Files(schema string, last hostfuncs.Files, open func(last hostfuncs.Files) (hostfuncs.Files, error)) (hostfuncs.Files, error) {
	before, _ := last.(*tapedFiles)
	var inner hostfuncs.Files
	if before != nil {
		inner = before.Files
	}
	found, err := open(inner)
	if err != nil {
		t.add(&Ask{Kind: AskFiles, Of: []string{schema}, Errno: hostfuncs.ErrnoOf(err, hostfuncs.FileErrnos)})
		return nil, err
	}
	if before != nil && found == inner {
		return before, nil
	}
	t.add(&Ask{Kind: AskFiles, Of: []string{schema}})
	return &tapedFiles{found, t, schema}, nil
}

// tapedFiles notes what a tenant's files answer.
type tapedFiles struct {
	hostfuncs.Files
	tape   *tape
	schema string
}

// note notes a question about a file; answer is encoded as JSON unless it is a string.
func (f *tapedFiles) note(kind, name string, answer any, err error, more ...string) *Ask {
	a := &Ask{Kind: kind, Of: append([]string{f.schema, name}, more...), Errno: hostfuncs.ErrnoOf(err, hostfuncs.FileErrnos)}
	switch text, ok := answer.(string); {
	case ok:
		a.Answer = text
	case err == nil && answer != nil:
		encoded, _ := json.Marshal(answer) // the types of this file always encode
		a.Answer = string(encoded)
	}
	f.tape.add(a)
	return a
}

// Open implements hostfuncs.Files.
func (f *tapedFiles) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	content, err := f.Files.Open(ctx, name)
	a := f.note(AskOpen, name, nil, err)
	if err != nil {
		return nil, err
	}
	return &tapedContent{ReadCloser: content, tape: f.tape, ask: a}, nil
}

// tapedContent notes what is read of a file, when it is closed: at the latest when the
// call ends.
type tapedContent struct {
	io.ReadCloser
	tape *tape
	ask  *Ask
	read Content
}

func (c *tapedContent) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if !c.tape.e.tooMuch && (n > 0 || err == nil) {
		c.read.Reads = append(c.read.Reads, append([]byte{}, b[:n]...))
	}
	c.read.End = err == io.EOF
	if err != nil && err != io.EOF {
		c.read.Errno = hostfuncs.ErrnoOf(err, hostfuncs.FileErrnos)
	}
	c.tape.grow(n)
	return n, err
}

func (c *tapedContent) Close() error {
	encoded, _ := json.Marshal(&c.read) // always encodes
	c.ask.Answer = string(encoded)
	return c.ReadCloser.Close()
}

// Save implements hostfuncs.Files.
func (f *tapedFiles) Save(ctx context.Context, name string, content io.Reader) (string, error) {
	sum := sha256.New()
	saved, err := f.Files.Save(ctx, name, io.TeeReader(content, sum))
	f.note(AskSave, name, saved, err, hex.EncodeToString(sum.Sum(nil)))
	return saved, err
}

// Stat implements hostfuncs.Files.
func (f *tapedFiles) Stat(ctx context.Context, name string) (abi.FileStat, error) {
	s, err := f.Files.Stat(ctx, name)
	f.note(AskStat, name, Stat{s.Size, s.Modified, s.Folder}, err)
	return s, err
}

// List implements hostfuncs.Files.
func (f *tapedFiles) List(ctx context.Context, name string, most int) (folders, files []string, err error) {
	folders, files, err = f.Files.List(ctx, name, most)
	f.note(AskList, name, List{folders, files}, err)
	return folders, files, err
}

// Delete implements hostfuncs.Files.
func (f *tapedFiles) Delete(ctx context.Context, name string) error {
	err := f.Files.Delete(ctx, name)
	f.note(AskDelete, name, nil, err)
	return err
}

// URL implements hostfuncs.Files.
func (f *tapedFiles) URL(ctx context.Context, name string) (string, error) {
	url, err := f.Files.URL(ctx, name)
	f.note(AskURL, name, url, err)
	return url, err
}

var _ hostfuncs.Files = (*tapedFiles)(nil)
