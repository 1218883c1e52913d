package hostfuncs

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// out and room are the address and the size of the answer in these tests.
const out, room = 4096, 512

// open opens a file and returns the handle, or the negative errno.
func (g *guest) open(name string, mode uint64) uint64 {
	ptr, length := g.put(16, name)
	return g.mustRun(abi.ImportFileOpen, ptr, length, mode)
}

// contextCounter is a Watch that counts the contexts not yet canceled.
type contextCounter struct{ open int }

func (c *contextCounter) Worked() {}

func (c *contextCounter) Writes(uint32, uint32) {}

func (c *contextCounter) Charge(uint64) bool { return true }

func (c *contextCounter) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	c.open++
	ctx, cancel := context.WithCancel(ctx)
	return ctx, func() { c.open--; cancel() }
}

func TestTheContextOfAFileIsCanceledWhenItIsClosed(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	w := &contextCounter{}
	g.call.Watch = w
	g.call.Begin(t.Context())
	if got := errno(g.open("missing", abi.FileRead)); got != abi.NotFound || w.open != 0 {
		t.Errorf("missing file: %v with %d contexts, want NotFound with 0", got, w.open)
	}
	h := g.open("a.txt", abi.FileRead)
	if n := g.mustRun(abi.ImportFileRead, h, out, room); n != 2 || g.get(out, n) != "t1" {
		t.Errorf("file_read: result %d, want 2", int64(n))
	}
	if g.mustRun(abi.ImportFileClose, h, 0, 0); w.open != 0 {
		t.Errorf("%d contexts without an open file, want 0", w.open)
	}
	g.open("a.txt", abi.FileRead)
	if w.open != 1 {
		t.Errorf("%d contexts with one open file, want 1", w.open)
	}
	g.call.End()
	if w.open != 0 {
		t.Errorf("%d contexts after the call, want 0", w.open)
	}
}

func TestAFileIsReadInPartsToItsEnd(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	h := g.open("a.txt", abi.FileRead)
	var content string
	for {
		n := g.mustRun(abi.ImportFileRead, h, out, 1)
		if errno(n) != abi.OK {
			t.Fatal(errno(n))
		}
		if n == 0 {
			break
		}
		content += g.get(out, n)
	}
	if content != "t1" {
		t.Errorf("read %q, want t1", content)
	}
	if n := g.mustRun(abi.ImportFileClose, h, 0, 0); n != 0 {
		t.Errorf("file_close: result %d, want 0", int64(n))
	}
	if got := errno(g.mustRun(abi.ImportFileRead, h, out, 1)); got != abi.Invalid {
		t.Errorf("reading a closed handle: %v, want Invalid", got)
	}
}

func TestAWrittenFileIsSavedWhenItIsClosed(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	h := g.open("a.txt", abi.FileWrite)
	ptr, length := g.put(1024, "content")
	if n := g.mustRun(abi.ImportFileWrite, h, ptr, length); n != length {
		t.Fatalf("file_write: result %d, want %d", int64(n), length)
	}
	if len(g.world.files["t1"]) != 1 {
		t.Fatal("the file exists before it is closed")
	}
	if n := g.mustRun(abi.ImportFileClose, h, out, 3); n != 7 {
		t.Fatalf("file_close: result %d, want the size of the name, 7", int64(n))
	}
	if got := errno(g.mustRun(abi.ImportFileWrite, h, ptr, length)); got != abi.Invalid {
		t.Errorf("writing to a saved file: %v, want Invalid", got)
	}
	n := g.mustRun(abi.ImportFileClose, h, out, room)
	if name := g.get(out, n); name != "a.txt_1" || g.world.files["t1"][name] != "content" {
		t.Errorf("saved %q: %q", name, g.world.files["t1"])
	}
	if got := errno(g.mustRun(abi.ImportFileClose, h, out, room)); got != abi.Invalid {
		t.Errorf("closing a closed handle: %v, want Invalid", got)
	}
	g.call.End()
	if len(g.world.files["t1"]) != 2 || g.world.opened != 0 {
		t.Errorf("after the call: %q, %d open", g.world.files["t1"], g.world.opened)
	}
}

func TestTheFilesThatAFailedCallSavedAreDeleted(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	for range 2 {
		h := g.open("new", abi.FileWrite)
		ptr, length := g.put(1024, "x")
		g.mustRun(abi.ImportFileWrite, h, ptr, length)
		g.mustRun(abi.ImportFileClose, h, out, room)
	}
	g.open("never closed", abi.FileWrite)
	g.call.Fail()
	g.call.End()
	if s := g.world.files["t1"]; len(s) != 1 || s["a.txt"] != "t1" {
		t.Errorf("files after a failed call: %q, want only a.txt", s)
	}
	g.call.Begin(t.Context())
	g.open("a.txt", abi.FileRead)
	g.call.End()
	if s := g.world.files["t1"]; len(s) != 1 {
		t.Errorf("files after the next call: %q, want only a.txt", s)
	}
}

func TestH7HandlesAreInvalidAfterTheCall(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	h := g.open("a.txt", abi.FileRead)
	g.call.End()
	if g.world.opened != 0 {
		t.Errorf("%d files are open after the call, want 0", g.world.opened)
	}
	g.world.tenant = "t2"
	g.call.Begin(t.Context())
	for h := range h + 3 {
		if got := errno(g.mustRun(abi.ImportFileRead, h, out, 1)); got != abi.Invalid {
			t.Errorf("handle %d of the call before: %v, want Invalid", h, got)
		}
	}
	h = g.open("a.txt", abi.FileRead)
	if n := g.mustRun(abi.ImportFileRead, h, out, room); g.get(out, n) != "t2" {
		t.Errorf("read %q, want t2", g.get(out, n))
	}
}

func TestAHandleBelongsToTheTenantThatItWasOpenedFor(t *testing.T) {
	g := newGuest(t)
	g.call.Begin(t.Context())
	if got := errno(g.open("a.txt", abi.FileRead)); got != abi.Denied {
		t.Fatalf("without a tenant: %v, want Denied", got)
	}
	g.world.tenant = "t1"
	first, written := g.open("a.txt", abi.FileRead), g.open("w", abi.FileWrite)
	g.world.tenant = "t2"
	second := g.open("a.txt", abi.FileRead)
	for h, want := range map[uint64]string{first: "t1", second: "t2"} {
		if n := g.mustRun(abi.ImportFileRead, h, out, room); g.get(out, n) != want {
			t.Errorf("read %q, want %q", g.get(out, n), want)
		}
	}
	g.mustRun(abi.ImportFileClose, written, out, room)
	if _, ok := g.world.files["t1"]["w"]; !ok || len(g.world.files["t2"]) != 1 {
		t.Errorf("written to %q", g.world.files)
	}
}

func TestFilesAreBoundedInEachCall(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	for range 3 {
		if h := g.open("a.txt", abi.FileRead); errno(h) != abi.OK {
			t.Fatal(errno(h))
		}
	}
	if got := errno(g.open("a.txt", abi.FileRead)); got != abi.Limit {
		t.Errorf("one file too many: %v, want Limit", got)
	}
	g.mustRun(abi.ImportFileClose, 2, 0, 0)
	h := g.open("new", abi.FileWrite)
	if h != 2 {
		t.Errorf("handle %d, want the free one, 2", int64(h))
	}
	if n := g.mustRun(abi.ImportFileWrite, h, 0, 98); n != 98 {
		t.Errorf("writing 98 bytes of 100: result %d", int64(n))
	}
	if n := g.mustRun(abi.ImportFileRead, 1, out, room); n != 2 {
		t.Errorf("reading the last 2 bytes: result %d", int64(n))
	}
	for name, n := range map[string]uint64{
		"write": g.mustRun(abi.ImportFileWrite, h, 0, 1),
		"read":  g.mustRun(abi.ImportFileRead, 3, out, room),
	} {
		if errno(n) != abi.Limit {
			t.Errorf("%s over the budget: %v, want Limit", name, errno(n))
		}
	}
	ptr, length := g.put(16, ".")
	if got := errno(g.mustRun(abi.ImportFileList, ptr, length, out, room)); got != abi.Limit {
		t.Errorf("list over the budget: %v, want Limit", got)
	}
	g.call.End()
	g.call.Begin(t.Context())
	if got := errno(g.mustRun(abi.ImportFileList, ptr, length, out, room)); got != abi.OK {
		t.Errorf("list in the next call: %v, want OK", got)
	}
	g.call.End()
	g.call.Begin(t.Context())
	defer g.call.End()
	for n := range 4 {
		g.world.tenant = fmt.Sprint("many", n)
		if got := errno(g.mustRun(abi.ImportFileStat, ptr, length, out, room)); (got == abi.Limit) != (n == 3) {
			t.Errorf("tenant %d: %v", n, got)
		}
	}
}

func TestNamesThatGuestsMayUse(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	defer g.call.End()
	for _, c := range []struct {
		name string
		want abi.Errno
	}{
		{"a.txt", abi.OK},
		{"missing", abi.NotFound},
		{"", abi.Invalid},
		{"/a.txt", abi.Invalid},
		{"../t2/a.txt", abi.Invalid},
		{"d/../a.txt", abi.Invalid},
		{"./a.txt", abi.Invalid},
		{"d//a.txt", abi.Invalid},
		{"a.txt\x00", abi.Invalid},
		{"a\xff", abi.Invalid},
		{strings.Repeat("x", abi.MaxFileName), abi.NotFound},
		{strings.Repeat("x", abi.MaxFileName+1), abi.Limit},
	} {
		ptr, length := g.put(16, c.name)
		if got := errno(g.mustRun(abi.ImportFileStat, ptr, length, 8192, room)); got != c.want {
			t.Errorf("%.20q: %v, want %v", c.name, got, c.want)
		}
	}
	ptr, length := g.put(16, ".")
	if got := errno(g.mustRun(abi.ImportFileDelete, ptr, length)); got != abi.Invalid {
		t.Errorf("deleting the root folder: %v, want Invalid", got)
	}
	if got := errno(g.open(".", abi.FileWrite)); got != abi.Invalid {
		t.Errorf("writing to the root folder: %v, want Invalid", got)
	}
	if got := errno(g.open("a.txt", 2)); got != abi.Invalid {
		t.Errorf("an unknown mode: %v, want Invalid", got)
	}
}

func TestListStatURLAndDelete(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	defer g.call.End()
	ptr, length := g.put(16, ".")
	size := g.mustRun(abi.ImportFileList, ptr, length, out, 1)
	if again := g.mustRun(abi.ImportFileList, ptr, length, out, size); again != size {
		t.Fatalf("file_list: result %d, then %d with enough room", size, int64(again))
	}
	m, err := abi.Parse([]byte(g.get(out, size)))
	if err != nil || m.Word() != 1 || string(m.Get(0)) != "d" || string(m.Get(1)) != "a.txt" || m.Len() != 2 {
		t.Errorf("listed %v, %v", m, err)
	}
	ptr, length = g.put(16, "a.txt")
	if n := g.mustRun(abi.ImportFileStat, ptr, length, out, room); n != abi.FileStatSize {
		t.Fatalf("file_stat: result %d, want %d", int64(n), abi.FileStatSize)
	}
	if s, err := abi.ParseFileStat([]byte(g.get(out, abi.FileStatSize))); err != nil || s != (abi.FileStat{Size: 2, Modified: 1e9}) {
		t.Errorf("%+v, %v", s, err)
	}
	if n := g.mustRun(abi.ImportFileURL, ptr, length, out, room); g.get(out, n) != "/media/a.txt" {
		t.Errorf("the URL is %q", g.get(out, n))
	}
	if n := g.mustRun(abi.ImportFileDelete, ptr, length); n != 0 || len(g.world.files["t1"]) != 0 {
		t.Errorf("file_delete: result %d, files %q, want 0 and none", int64(n), g.world.files["t1"])
	}
}

func TestErrorsOfFilesAreErrnos(t *testing.T) {
	for _, c := range []struct {
		err  error
		want abi.Errno
	}{
		{fmt.Errorf("full: %w", abi.Limit), abi.Limit},
		{&fs.PathError{Op: "save", Path: "x", Err: fs.ErrPermission}, abi.Denied},
		{context.DeadlineExceeded, abi.Timeout},
		{errBroken, abi.Internal},
	} {
		g := newGuest(t)
		g.world.tenant, g.world.err = "t1", c.err
		g.call.Begin(t.Context())
		h := g.open("x", abi.FileWrite)
		if got := errno(g.mustRun(abi.ImportFileClose, h, out, room)); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
		g.call.End()
		if logged := len(g.world.lines) > 0; logged != (c.want == abi.Internal) {
			t.Errorf("%v: logged %q", c.err, g.world.lines)
		}
		if got := errno(g.mustRun(abi.ImportFileClose, h, out, room)); got != abi.Invalid {
			t.Errorf("%v: closing the handle again: %v, want Invalid", c.err, got)
		}
		g.call.End()
	}
}

func TestNoFilesWhileTheImageIsBuilt(t *testing.T) {
	g := newGuest(t)
	g.world.tenant, g.call.Frozen = "t1", true
	if got := errno(g.open("a.txt", abi.FileRead)); got != abi.Denied {
		t.Errorf("%v, want Denied", got)
	}
}

// TestG4FileFunctionsSurviveHostilePointers passes every edge of the address space
// as each argument, with files open in both modes.
func TestG4FileFunctionsSurviveHostilePointers(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	g.call.Begin(t.Context())
	defer g.call.End()
	read, write := g.open("a.txt", abi.FileRead), g.open("w", abi.FileWrite)
	for _, at := range []uint64{65535, 65536, 1 << 31, 1<<32 - 1} {
		for _, length := range []uint64{2, 65536, 1 << 31, 1<<32 - 1} {
			for name, args := range map[string][]uint64{
				abi.ImportFileOpen:   {at, length, abi.FileRead},
				abi.ImportFileRead:   {read, at, length},
				abi.ImportFileWrite:  {write, at, length},
				abi.ImportFileClose:  {write, at, length},
				abi.ImportFileStat:   {16, 1, at, length},
				abi.ImportFileList:   {16, 1, at, length},
				abi.ImportFileURL:    {16, 1, at, length},
				abi.ImportFileDelete: {at, length},
			} {
				if got := errno(g.mustRun(name, args...)); got != abi.Fault {
					t.Errorf("%s%v: %v, want Fault", name, args, got)
				}
			}
		}
	}
	if len(g.world.files["t1"]) != 1 {
		t.Errorf("files %q, want only a.txt", g.world.files["t1"])
	}
}

func FuzzG4FileFunctions(f *testing.F) {
	f.Add([]byte{0, 16, 5, 0, 1, 1, 0, 64, 2, 2, 16, 5, 3, 2, 0, 32}, []byte("a.txt"))
	f.Add([]byte{0, 16, 1, 1, 2, 1, 16, 1, 3, 1, 0, 0, 3, 1, 0, 9, 5, 16, 1, 0}, []byte("."))
	names := []string{
		abi.ImportFileOpen, abi.ImportFileRead, abi.ImportFileWrite, abi.ImportFileClose,
		abi.ImportFileStat, abi.ImportFileList, abi.ImportFileDelete, abi.ImportFileURL,
	}
	g := newGuest(f)
	f.Fuzz(func(t *testing.T, script, memory []byte) {
		g.mod.Memory().Write(16, memory[:min(len(memory), 60_000)])
		g.world.tenant = "t1"
		g.call.Begin(t.Context())
		for ; len(script) >= 4; script = script[4:] {
			name := names[int(script[0])%len(names)]
			args := []uint64{uint64(script[1]), uint64(script[2]), uint64(script[3]), 512}
			if script[0] >= 128 {
				args[1] = 1<<32 - args[1]
			}
			if _, err := g.run(name, args[:len(lookup(name).params)]...); err != nil {
				t.Fatalf("%s%v trapped: %v", name, args, err)
			}
		}
		g.call.Fail()
		g.call.End()
		if g.world.opened != 0 {
			t.Fatalf("%d files are open after the call, want 0", g.world.opened)
		}
		g.world.lines, g.world.files = nil, nil
	})
}

// hungFiles are files on a server that does not respond.
type hungFiles struct{ memoryFiles }

func (h *hungFiles) Delete(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestDeletingTheFilesOfAFailedCallTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{opened: 1}
		h := &hungFiles{memoryFiles{opened: &w.opened}}
		c := Call{Services: w, files: &openFiles{views: []Files{h}, saved: []savedFile{{h, "a"}, {h, "b"}}}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // deletion does not depend on the request's context
		c.ctx = ctx
		c.Fail()
		began := time.Now()
		c.End()
		if took := time.Since(began); took != undoTimeout {
			t.Errorf("End takes %v, want %v for all files together", took, undoTimeout)
		}
		if w.opened != 0 {
			t.Error("the tenant's files are still open")
		}
	})
}
