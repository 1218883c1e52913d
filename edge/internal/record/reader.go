package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxSection is the size of the longest section in bytes. Readers hold complete ones.
	maxSection = 64 << 20
	maxWindow  = 64 << 20 // of zstd, in bytes of memory
	readSize   = 256 << 10
)

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// ErrTruncated: a file ends in the middle of a frame or a line, as after a crash of the
// program that wrote it. What is before was read.
var ErrTruncated = errors.New("the file ends in the middle of a frame or a line; all lines before that were read")

// Reader reads the sections of a log, which may be compressed or not.
type Reader struct {
	name    string
	in      io.Reader
	close   func()
	text    []byte // not yet returned
	scanned int    // bytes of text in which no further section begins
	line    int    // number of the first line of text, from 1
	err     error  // of in
}

// NewReader returns a Reader of the file called name. Close it.
func NewReader(name string, file io.Reader) (*Reader, error) {
	r := &Reader{name: name, line: 1, close: func() {}}
	in := bufio.NewReaderSize(file, readSize)
	r.in = in
	if magic, _ := in.Peek(len(zstdMagic)); !bytes.Equal(magic, zstdMagic) {
		return r, nil
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.in, r.close = z, z.Close
	return r, nil
}

// Close releases what the Reader uses, without the file.
func (r *Reader) Close() { r.close() }

// begin is how a header begins.
var begin = []byte(`{"v":`)

// Next returns the next section. At the end the error is io.EOF, or ErrTruncated.
func (r *Reader) Next() (*Section, error) {
	for {
		if at := r.nextBegin(); at > 0 {
			return r.cut(at)
		}
		if r.err != nil {
			return r.last()
		}
		r.fill()
		if len(r.text) > maxSection {
			return nil, fmt.Errorf("%s:%d: expected sections of at most %d bytes, found a longer one; begin another by repeating the header", r.name, r.line, maxSection)
		}
	}
}

// nextBegin returns where the section after the first one begins; 0: not found.
func (r *Reader) nextBegin() int {
	for {
		i := bytes.IndexByte(r.text[r.scanned:], '\n')
		if i < 0 {
			return 0
		}
		at := r.scanned + i + 1
		if len(r.text) < at+len(begin) && r.err == nil {
			return 0
		}
		r.scanned = at
		if bytes.HasPrefix(r.text[at:], begin) {
			return at
		}
	}
}

func (r *Reader) fill() {
	if cap(r.text)-len(r.text) < readSize/2 {
		grown := make([]byte, len(r.text), 2*len(r.text)+readSize)
		copy(grown, r.text)
		r.text = grown
	}
	n, err := r.in.Read(r.text[len(r.text):cap(r.text)])
	r.text, r.err = r.text[:len(r.text)+n], err
}

// cut returns the first at bytes as a section. The section keeps them: fill writes only
// after the text.
func (r *Reader) cut(at int) (*Section, error) {
	text := r.text[:at:at]
	r.text, r.scanned = r.text[at:], 0
	line := r.line
	r.line += bytes.Count(text, []byte{'\n'})
	if !bytes.HasPrefix(text, begin) {
		return nil, fmt.Errorf("%s:%d: expected a log of requests, whose first line begins with %s, found %.40q", r.name, line, begin, text)
	}
	return newSection(r.name, line, text)
}

// last returns the last section, and then the error.
func (r *Reader) last() (*Section, error) {
	end := r.err
	switch {
	case end == io.EOF:
	case errors.Is(end, io.ErrUnexpectedEOF):
		end = ErrTruncated
	default:
		return nil, fmt.Errorf("%s:%d: %w", r.name, r.line+bytes.Count(r.text, []byte{'\n'}), end)
	}
	complete := bytes.LastIndexByte(r.text, '\n') + 1
	if complete < len(r.text) {
		end = ErrTruncated
		r.text = r.text[:complete]
	}
	r.err = end
	if errors.Is(end, ErrTruncated) {
		r.err = io.ErrUnexpectedEOF
	}
	if complete > 0 {
		return r.cut(complete)
	}
	return nil, end
}
