package hostfuncs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// fileName validates a name and copies it out of the guest's memory.
func fileName(m memory, addr, length uint32) (string, abi.Errno) {
	name, errno := m.argument(addr, length, abi.MaxFileName)
	switch {
	case errno != abi.OK:
		return "", errno
	case !fs.ValidPath(name) || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		return "", abi.Invalid
	}
	return strings.Clone(name), abi.OK
}

// withFiles calls do with the tenant's files and the name that the first two
// arguments give, within the Watch's bound.
func withFiles(c *Call, m memory, s []uint64, do func(ctx context.Context, v Files, name string) (uint64, error)) {
	name, errno := fileName(m, uint32(s[0]), uint32(s[1]))
	if errno != abi.OK {
		s[0] = negative(errno)
		return
	}
	ctx, cancel := c.bounded()
	defer cancel()
	defer c.worked()
	v, err := c.view(ctx)
	if err != nil {
		s[0] = negative(ErrnoOf(err, FileErrnos))
		return
	}
	result, err := do(ctx, v, name)
	if err != nil {
		result = negative(c.fileFailed(err))
	}
	s[0] = result
}

// fileFailed returns the errno for err. It logs an error that the guest sees only
// as abi.Internal.
func (c *Call) fileFailed(err error) abi.Errno {
	e := ErrnoOf(err, FileErrnos)
	if e == abi.Internal {
		c.log.line(slog.LevelError, fmt.Sprintf("a file function failed: %v", err))
	}
	return e
}

func fileOpen(c *Call, m memory, s []uint64) {
	mode := uint32(s[2])
	if mode != abi.FileRead && mode != abi.FileWrite {
		s[0] = negative(abi.Invalid)
		return
	}
	withFiles(c, m, s, func(_ context.Context, v Files, name string) (uint64, error) {
		if c.files.full() {
			return 0, abi.Limit
		}
		h := &handle{into: v, name: name}
		if mode == abi.FileWrite {
			if name == "." {
				return 0, abi.Invalid
			}
		} else {
			ctx, cancel := c.bounded() // for as long as the file is open
			content, err := v.Open(ctx, name)
			if err != nil {
				cancel()
				return 0, err
			}
			h.content = &reading{content, cancel}
		}
		return c.files.add(h), nil
	})
}

func fileRead(c *Call, m memory, s []uint64) {
	h, ok := c.handle(uint32(s[0]))
	out, inside := m.bytes(uint32(s[1]), uint32(s[2]))
	switch {
	case !ok || h.content == nil:
		s[0] = negative(abi.Invalid)
		return
	case !inside:
		s[0] = negative(abi.Fault)
		return
	case len(out) == 0:
		s[0] = 0
		return
	case c.files.limits.Bytes <= 0:
		s[0] = negative(abi.Limit)
		return
	}
	defer c.worked()
	// The reader may fill its buffer from another goroutine, so it gets one outside
	// the guest's memory.
	o := c.files
	n := min(int64(len(out)), maxRead, o.limits.Bytes)
	if int64(len(o.buffer)) < n {
		o.buffer = make([]byte, n)
	}
	read, err := h.content.Read(o.buffer[:n])
	m.writes(uint32(s[1]), copy(out, o.buffer[:read]))
	c.charge(uint64(read) * costByte)
	o.limits.Bytes -= int64(read)
	if read == 0 && err != nil && err != io.EOF {
		s[0] = negative(c.fileFailed(err))
		return
	}
	s[0] = uint64(read)
}

func fileWrite(c *Call, m memory, s []uint64) {
	h, ok := c.handle(uint32(s[0]))
	content, inside := m.bytes(uint32(s[1]), uint32(s[2]))
	switch {
	case !ok || h.content != nil || h.saved != "":
		s[0] = negative(abi.Invalid)
	case !inside:
		s[0] = negative(abi.Fault)
	case int64(len(content)) > c.files.limits.Bytes:
		s[0] = negative(abi.Limit)
	default:
		c.files.limits.Bytes -= int64(len(content))
		c.charge(uint64(len(content)) * costByte)
		h.written.Write(content)
		s[0] = uint64(len(content))
		c.worked()
	}
}

func fileClose(c *Call, m memory, s []uint64) {
	number := uint32(s[0])
	h, ok := c.handle(number)
	out, inside := m.bytes(uint32(s[1]), uint32(s[2]))
	switch {
	case !ok:
		s[0] = negative(abi.Invalid)
		return
	case !inside:
		s[0] = negative(abi.Fault)
		return
	case h.content != nil:
		c.release(number)
		_ = h.content.Close() // it was open for reading only
		s[0] = 0
		return
	}
	if h.saved == "" {
		if err := c.save(h); err != nil {
			c.release(number)
			s[0] = negative(c.fileFailed(err))
			return
		}
	}
	if len(h.saved) <= len(out) {
		m.put(uint32(s[1]), out, h.saved)
		c.release(number)
	}
	s[0] = uint64(len(h.saved))
}

// save saves the file of a handle that was written to.
func (c *Call) save(h *handle) error {
	ctx, cancel := c.bounded()
	defer cancel()
	defer c.worked()
	saved, err := h.into.Save(ctx, h.name, &h.written)
	if err != nil {
		return err
	}
	h.saved = saved
	c.files.saved = append(c.files.saved, savedFile{h.into, saved})
	return nil
}

func fileStat(c *Call, m memory, s []uint64) {
	out, ok := m.bytes(uint32(s[2]), uint32(s[3]))
	if !ok {
		s[0] = negative(abi.Fault)
		return
	}
	withFiles(c, m, s, func(ctx context.Context, v Files, name string) (uint64, error) {
		stat, err := v.Stat(ctx, name)
		if err != nil {
			return 0, err
		}
		if len(out) >= abi.FileStatSize {
			m.writes(uint32(s[2]), len(stat.Append(out[:0:abi.FileStatSize])))
		}
		return abi.FileStatSize, nil
	})
}

func fileList(c *Call, m memory, s []uint64) {
	out, ok := m.bytes(uint32(s[2]), uint32(s[3]))
	if !ok {
		s[0] = negative(abi.Fault)
		return
	}
	withFiles(c, m, s, func(ctx context.Context, v Files, name string) (uint64, error) {
		folders, files, err := v.List(ctx, name, maxListed)
		if err != nil {
			return 0, err
		}
		b := abi.Begin(nil, 0, len(folders)+len(files))
		putNames(&b, folders, files)
		if int64(b.Size()) > c.files.limits.Bytes {
			return 0, abi.Limit
		}
		c.files.limits.Bytes -= int64(b.Size())
		if b.Size() <= len(out) {
			m.writes(uint32(s[2]), b.Size())
			b = abi.Begin(out, uint32(len(folders)), len(folders)+len(files))
			putNames(&b, folders, files)
		}
		return uint64(b.Size()), nil
	})
}

func putNames(b *abi.Builder, folders, files []string) {
	for i, name := range folders {
		b.Put(i, name)
	}
	for i, name := range files {
		b.Put(len(folders)+i, name)
	}
}

func fileDelete(c *Call, m memory, s []uint64) {
	withFiles(c, m, s, func(ctx context.Context, v Files, name string) (uint64, error) {
		if name == "." {
			return 0, abi.Invalid
		}
		return 0, v.Delete(ctx, name)
	})
}

func fileURL(c *Call, m memory, s []uint64) {
	out, ok := m.bytes(uint32(s[2]), uint32(s[3]))
	if !ok {
		s[0] = negative(abi.Fault)
		return
	}
	withFiles(c, m, s, func(ctx context.Context, v Files, name string) (uint64, error) {
		url, err := v.URL(ctx, name)
		if err != nil {
			return 0, err
		}
		return m.put(uint32(s[2]), out, url), nil
	})
}
