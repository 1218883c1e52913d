package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// later is when the partial files of these tests expire.
func later() time.Time { return time.Now().Add(time.Hour) }

func begin(t *testing.T, v *View, r backend.Record) string {
	t.Helper()
	p, err := v.NewPartial(t.Context(), r)
	must(t, err)
	must(t, p.Close())
	return p.ID()
}

// add appends to a partial file, and returns its offset.
func add(t *testing.T, v *View, id, text string) int64 {
	t.Helper()
	p, err := v.Partial(id)
	must(t, err)
	defer p.Close()
	_, err = p.Append(t.Context(), p.Offset(), strings.NewReader(text), nil)
	must(t, err)
	return p.Offset()
}

func TestAFileComesInPartsAndIsThereWithTheLast(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location})
	id := begin(t, v, backend.Record{Name: "d/big.bin", Size: 10, Expires: later(), Meta: map[string]string{"a": "b"}})
	if n := add(t, v, id, "0123"); n != 4 {
		t.Errorf("ends at %d", n)
	}
	// In another process.
	v = newView(t, Config{Location: location})
	if n := add(t, v, id, "4567"); n != 8 {
		t.Errorf("ends at %d", n)
	}
	entries, err := v.ReadDir(".")
	if err != nil || len(entries) != 0 {
		t.Errorf("the tenant sees %v, %v", entries, err)
	}
	if n := add(t, v, id, "89 and more"); n != 10 {
		t.Errorf("ends at %d", n)
	}
	if got := content(t, v, "d/big.bin"); got != "0123456789" {
		t.Errorf("the file is %q", got)
	}
	info, err := v.Stat("d/big.bin")
	must(t, err)
	if info.Mode() != 0o644 {
		t.Errorf("its mode is %v", info.Mode())
	}
	p, err := v.Partial(id)
	must(t, err)
	if r := p.Record(); r.Saved != "d/big.bin" || p.Offset() != 10 || r.Meta["a"] != "b" {
		t.Errorf("afterwards: %+v at %d", r, p.Offset())
	}
	if _, err := p.Append(t.Context(), 10, strings.NewReader("x"), nil); !errors.Is(err, backend.ErrOffset) {
		t.Errorf("an append to a complete file: %v", err)
	}
	must(t, p.Remove())
	if _, err := v.Partial(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it was removed: %v", err)
	}
	content(t, v, "d/big.bin")
}

func TestAnEmptyPartialFileIsSavedImmediately(t *testing.T) {
	v := newView(t, Config{})
	begin(t, v, backend.Record{Name: "empty", Expires: later()})
	if got := content(t, v, "empty"); got != "" {
		t.Errorf("%q", got)
	}
}

func TestAnEmptyPartialFileThatCannotBeSavedLeavesNothing(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location, Quota: func(storage.Tenant) storage.Quota { return storage.Quota{Files: 2} }})
	if _, err := v.NewPartial(t.Context(), backend.Record{Name: strings.Repeat("n", 300), Expires: later()}); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a name that is too long: %v", err)
	}
	if left := partials(t, location); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	begin(t, v, backend.Record{Name: "empty", Expires: later()}) // for which there is room again
}

func TestARecordOfTheLongestNamesCanBeRead(t *testing.T) {
	v := newView(t, Config{})
	name := strings.Repeat(strings.Repeat("\x01", 200)+"/", 17) + "f"
	id := begin(t, v, backend.Record{Name: name, Size: 1, Expires: later(), Meta: map[string]string{"a": strings.Repeat("\x01", 8<<10)}})
	add(t, v, id, "x")
	p, err := v.Partial(id)
	must(t, err)
	if saved := p.Record().Saved; saved != name {
		t.Errorf("saved as %q", saved)
	}
}

func TestWhatCameStaysUnlessItIsNotWhatItShouldBe(t *testing.T) {
	v := newView(t, Config{})
	id := begin(t, v, backend.Record{Name: "f", Size: 10, Expires: later()})
	p, err := v.Partial(id)
	must(t, err)
	defer p.Close()
	lost := errors.New("connection lost")
	n, err := p.Append(t.Context(), 0, io.MultiReader(strings.NewReader("0123"), iotest.ErrReader(lost)), nil)
	if n != 4 || !errors.Is(err, lost) || p.Offset() != 4 {
		t.Errorf("kept %d, %v", n, err)
	}
	wrong := errors.New("checksum")
	for name, from := range map[string]io.Reader{
		"wrong":        strings.NewReader("4567"),
		"wrong at end": strings.NewReader("456789"),
		"truncated":    io.MultiReader(strings.NewReader("45"), iotest.ErrReader(lost)),
	} {
		n, err = p.Append(t.Context(), 4, from, func() error { return wrong })
		if n != 0 || err == nil || p.Offset() != 4 {
			t.Errorf("%s: kept %d, %v", name, n, err)
		}
	}
	if _, err := p.Append(t.Context(), 8, strings.NewReader("x"), nil); !errors.Is(err, backend.ErrOffset) {
		t.Errorf("after the end: %v", err)
	}
	n, err = p.Append(t.Context(), 4, strings.NewReader("456789"), func() error { return nil })
	if n != 6 || err != nil || content(t, v, "f") != "0123456789" {
		t.Errorf("the rest: %d, %v, %q", n, err, content(t, v, "f"))
	}
}

func TestAPartialFileIsForOneAtATimeAndOneTenant(t *testing.T) {
	location := t.TempDir()
	v, again := newView(t, Config{Location: location}), newView(t, Config{Location: location})
	p, err := v.NewPartial(t.Context(), backend.Record{Name: "f", Size: 3, Expires: later()})
	must(t, err)
	for _, other := range []*View{v, again} {
		if _, err := other.Partial(p.ID()); !errors.Is(err, backend.ErrPartialBusy) {
			t.Errorf("while it is open: %v, expected ErrPartialBusy", err)
		}
	}
	must(t, p.Close())
	s := newStorage(t, Config{Location: location})
	stranger, err := s.For(t.Context(), storage.Tenant{Schema: "t2"})
	must(t, err)
	defer stranger.Close()
	for _, id := range []string{p.ID(), "../../t1/" + partialFolder + "/" + p.ID(), "", strings.Repeat(".", 26)} {
		if _, err := stranger.Partial(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another tenant, %q: %v, expected fs.ErrNotExist", id, err)
		}
	}
}

func TestANameThatIsTakenMeanwhile(t *testing.T) {
	for _, free := range []bool{false, true} {
		location := t.TempDir()
		v := newView(t, Config{Location: location})
		id := begin(t, v, backend.Record{Name: "d/f.txt", Size: 3, Free: free, Expires: later()})
		_, err := v.Create(t.Context(), "d/f.txt", strings.NewReader("first"))
		must(t, err)
		p, err := v.Partial(id)
		must(t, err)
		_, err = p.Append(t.Context(), 0, strings.NewReader("two"), nil)
		if !free {
			if !errors.Is(err, fs.ErrExist) || len(partials(t, location)) != 0 {
				t.Errorf("%v, left %q", err, partials(t, location))
			}
		} else if err != nil || p.Record().Saved == "d/f.txt" || content(t, v, p.Record().Saved) != "two" {
			t.Errorf("saved as %q, %v", p.Record().Saved, err)
		}
		if got := content(t, v, "d/f.txt"); got != "first" {
			t.Errorf("overwritten by %q", got)
		}
	}
}

// partials returns the names in the folder of partial files.
func partials(t *testing.T, location string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(location, "t1", partialFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPartialFilesCountAsKept(t *testing.T) {
	v := newView(t, Config{Quota: func(storage.Tenant) storage.Quota { return storage.Quota{Bytes: 10, Files: 4} }})
	if _, err := v.NewPartial(t.Context(), backend.Record{Name: "f", Size: 11, Expires: later()}); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("one that can never fit: %v", err)
	}
	first := begin(t, v, backend.Record{Name: "f", Size: 8, Expires: later()})
	second := begin(t, v, backend.Record{Name: "g", Size: 8, Expires: later()})
	if _, err := v.NewPartial(t.Context(), backend.Record{Name: "h", Size: 1, Expires: later()}); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("a third file: %v", err)
	}
	add(t, v, first, "012345")
	p, err := v.Partial(second)
	must(t, err)
	if n, err := p.Append(t.Context(), 0, iotest.OneByteReader(strings.NewReader("01234567")), nil); !errors.Is(err, storage.ErrQuota) || n != 4 {
		t.Errorf("both together: %d, %v", n, err)
	}
	must(t, p.Remove())
	add(t, v, first, "67")
	u, err := v.Usage(t.Context())
	if want := (storage.Usage{Bytes: 8, Files: 1}); err != nil || u != want {
		t.Errorf("%+v, %v, expected %+v", u, err, want)
	}
	_, err = v.Create(t.Context(), "rest", strings.NewReader("89"))
	must(t, err)
}

func TestAbandonedPartialFilesExpire(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location})
	v.storage.work.Wait() // the first view's sweep, which may lock what this test removes
	old := begin(t, v, backend.Record{Name: "old", Size: 10, Expires: time.Now().Add(-time.Second)})
	young := begin(t, v, backend.Record{Name: "young", Size: 10, Expires: later()})
	used, err := v.NewPartial(t.Context(), backend.Record{Name: "used", Size: 10, Expires: time.Now().Add(-time.Second)})
	must(t, err)
	defer used.Close()
	lost := begin(t, v, backend.Record{Name: "lost", Size: 10, Expires: later()})
	must(t, os.Remove(filepath.Join(location, "t1", partialFolder, lost+recordSuffix)))
	if _, err := v.Partial(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that has expired: %v", err)
	}
	_, err = v.Sweep(t.Context())
	must(t, err)
	left := strings.Join(partials(t, location), " ")
	for id, stays := range map[string]bool{old: false, young: true, used.ID(): true, lost: false} {
		if strings.Contains(left, id) != stays {
			t.Errorf("%s: left are %s", id, left)
		}
	}
	add(t, v, young, "x")
	if _, err := used.Append(t.Context(), 0, strings.NewReader("0123456789"), nil); err != nil || content(t, v, "used") != "0123456789" {
		t.Errorf("one that was in use: %v", err)
	}
}

func TestAPartialFileWhoseRecordCannotBeReadNowStays(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location})
	v.storage.work.Wait() // the first view's sweep, which may find the record missing
	id := begin(t, v, backend.Record{Name: "f", Size: 10, Expires: later()})
	record := filepath.Join(location, "t1", partialFolder, id+recordSuffix)
	must(t, os.Rename(record, record+".moved"))
	must(t, os.Mkdir(record, 0o777))
	_, err := v.Sweep(t.Context())
	must(t, err)
	must(t, os.Remove(record))
	must(t, os.Rename(record+".moved", record))
	add(t, v, id, "0123456789")
	content(t, v, "f")
}

// A partial file that is being begun has no record yet, like one that lost it.
func TestNoPartialFileExpiresThatWasBegunJustNow(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location, NoSync: true})
	over := make(chan struct{})
	var sweepers sync.WaitGroup
	for range 2 {
		sweepers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					if _, err := v.Sweep(context.Background()); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 200 {
		id := begin(t, v, backend.Record{Name: "f", Size: 1, Expires: later()})
		for {
			p, err := v.Partial(id)
			if errors.Is(err, backend.ErrPartialBusy) {
				continue // a sweeper looks at it
			}
			if err != nil {
				t.Errorf("one that was begun: %v", err)
				break
			}
			must(t, p.Remove())
			break
		}
	}
	close(over)
	sweepers.Wait()
}

// TestAPartialFileSurvivesTheEndAtAnyStep puts the disk into each state in which
// the process can end during the save of a complete file.
func TestAPartialFileSurvivesTheEndAtAnyStep(t *testing.T) {
	for _, free := range []bool{false, true} {
		for _, step := range []string{"complete", "named", "linked", "recorded"} {
			location := t.TempDir()
			v := newView(t, Config{Location: location})
			begun, err := v.NewPartial(t.Context(), backend.Record{Name: "f", Size: 3, Free: free, Expires: later()})
			must(t, err)
			p := begun.(*partial)
			_, err = p.file.WriteString("abc")
			must(t, err)
			if step != "complete" {
				p.Target = "f"
			}
			if step == "linked" || step == "recorded" {
				must(t, p.root.Link(p.path(), "f"))
			}
			if step == "recorded" {
				p.Saved = "f"
			}
			must(t, p.write())
			must(t, p.Close())
			v = newView(t, Config{Location: location})
			again, err := v.Partial(p.ID())
			must(t, err)
			if saved := again.Record().Saved; saved != "f" || content(t, v, "f") != "abc" {
				t.Errorf("%s: saved as %q", step, saved)
			}
			if entries, err := v.ReadDir("."); err != nil || len(entries) != 1 {
				t.Errorf("%s: %v, %v", step, entries, err)
			}
			if left := partials(t, location); len(left) != 1 {
				t.Errorf("%s: left %q, expected only the record", step, left)
			}
		}
	}
}

func TestConcurrentAppendersMakeOneCompleteFile(t *testing.T) {
	location := t.TempDir()
	id := begin(t, newView(t, Config{Location: location}), backend.Record{Name: "f", Size: 100, Expires: later()})
	var wg sync.WaitGroup
	for range 4 {
		v := newView(t, Config{Location: location, NoSync: true})
		wg.Go(func() {
			for {
				p, err := v.Partial(id)
				if errors.Is(err, backend.ErrPartialBusy) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				at := p.Offset()
				if at < 100 {
					_, err = p.Append(context.Background(), at, bytes.NewReader([]byte{byte(at)}), nil)
				}
				if err := errors.Join(err, p.Close()); err != nil {
					t.Error(err)
				}
				if at == 100 {
					return
				}
			}
		})
	}
	wg.Wait()
	got := content(t, newView(t, Config{Location: location}), "f")
	for i := range 100 {
		if got[i] != byte(i) {
			t.Fatalf("byte %d is %d", i, got[i])
		}
	}
}

func FuzzPartialID(f *testing.F) {
	f.Add("../../../../../../etc/passwd")
	f.Add("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	s, err := New(Config{Location: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	v, err := s.For(f.Context(), storage.Tenant{Schema: "t1"})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := v.Create(f.Context(), "a", strings.NewReader("")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if _, err := v.Partial(id); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%q: %v", id, err)
		}
	})
}
