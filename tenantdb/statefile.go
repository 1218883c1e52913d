package tenantdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
)

// A state file holds the last good state for a start without the source. Lengths
// and counts are unsigned varints; a string is its length and its bytes:
//
//	magic      8 bytes, "tenedge" and the version
//	time       8 bytes, little-endian: SyncedAt in Unix nanoseconds
//	tenants    count, then for each: id, schema,
//	           count of attributes, each a name and a value,
//	           count of domain rows, each one byte of flags, domain, folder
//	checksum   4 bytes, little-endian: CRC-32C of everything before
const stateMagic = "tenedge\x01"

const (
	stateHead = len(stateMagic) + 8
	stateTail = 4
)

// ErrStateFile is wrapped by the error of LoadState if the file is damaged or of
// another version.
var ErrStateFile = errors.New("not a valid state file")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SaveState writes the content of the directory to a file, which it replaces
// atomically and durably.
func SaveState(path string, d *Directory) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		return writeState(w, d.state.Load(), d.health.Load().syncedAt)
	})
	if err != nil {
		return fmt.Errorf("tenantdb: saving the state: %w", err)
	}
	return nil
}

func writeState(w io.Writer, s *state, at time.Time) error {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<18)
	head := append([]byte(nil), stateMagic...)
	head = binary.LittleEndian.AppendUint64(head, uint64(at.UnixNano()))
	head = binary.AppendUvarint(head, uint64(s.ids.count))
	if _, err := out.Write(head); err != nil {
		return err
	}
	var buf, rows []byte
	var err error
	s.ids.each(func(v view) bool {
		t := v.tenant()
		buf = appendString(appendString(buf[:0], t.ID), t.Schema)
		buf = binary.AppendUvarint(buf, uint64(len(t.Attributes)))
		for _, a := range t.Attributes {
			buf = appendString(appendString(buf, a.Name), a.Value)
		}
		rows = rows[:0]
		n := uint64(0)
		v.rows(func(row Domain) bool {
			n++
			rows = appendString(appendString(append(rows, rowFlags(row)), row.Domain), row.Folder)
			return true
		})
		buf = append(binary.AppendUvarint(buf, n), rows...)
		_, err = out.Write(buf)
		return err == nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err = w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// LoadState reads a file that SaveState wrote. The error wraps fs.ErrNotExist if
// there is none, and ErrStateFile if it is damaged or of another version.
func LoadState(path string) (State, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return State{}, fmt.Errorf("tenantdb: loading the saved state: %w", err)
	}
	s, err := decodeState(data)
	if err != nil {
		return State{}, fmt.Errorf("tenantdb: loading the saved state %s: %w", path, err)
	}
	return s, nil
}

func decodeState(data []byte) (State, error) {
	if len(data) < stateHead+stateTail {
		return State{}, fmt.Errorf("%w: expected at least %d bytes, found %d", ErrStateFile, stateHead+stateTail, len(data))
	}
	if got := string(data[:len(stateMagic)]); got != stateMagic {
		return State{}, fmt.Errorf("%w: expected it to start with %q, found %q; it has another version or is not a state file", ErrStateFile, stateMagic, got)
	}
	body := data[:len(data)-stateTail]
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(data[len(body):]); got != want {
		return State{}, fmt.Errorf("%w: its checksum is %08x, expected %08x; it is damaged or truncated", ErrStateFile, got, want)
	}
	r := stateReader{text: string(body[stateHead:])}
	s := State{SyncedAt: time.Unix(0, int64(binary.LittleEndian.Uint64(data[len(stateMagic):])))}
	s.Tenants = make([]Tenant, 0, r.count(4))
	s.Domains = make([]Domain, 0, cap(s.Tenants)) // most tenants have one
	for range cap(s.Tenants) {
		t := Tenant{ID: r.string(), Schema: r.string()}
		if n := r.count(2); n > 0 {
			t.Attributes = make([]Attribute, n)
			for i := range t.Attributes {
				t.Attributes[i] = Attribute{r.string(), r.string()}
			}
		}
		s.Tenants = append(s.Tenants, t)
		for range r.count(3) {
			flags := r.byte()
			s.Domains = append(s.Domains, Domain{
				TenantID: t.ID, Domain: r.string(), Folder: r.string(),
				IsPrimary: flags&flagPrimary != 0, RedirectToPrimary: flags&flagRedirect != 0,
			})
		}
		if r.bad {
			break
		}
	}
	if r.bad || r.text != "" {
		return State{}, fmt.Errorf("%w: its counts and lengths do not fit its size", ErrStateFile)
	}
	return s, nil
}

// stateReader reads from the start of text. After the first failure bad is true
// and all results are zero.
type stateReader struct {
	text string
	bad  bool
}

func (r *stateReader) byte() byte {
	if r.text == "" {
		r.bad = true
		return 0
	}
	b := r.text[0]
	r.text = r.text[1:]
	return b
}

func (r *stateReader) uvarint() uint64 {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.bad = true
	return 0
}

// count reads a number of items that have at least size bytes each.
func (r *stateReader) count(size int) int {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.text)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *stateReader) string() string {
	n := r.count(1)
	s := r.text[:n]
	r.text = r.text[n:]
	return s
}
