package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

const secret = "another's secret"

// world has a tenant t1 with links that lead out of its folder, a tenant t11, and
// a folder outside of the location.
type world struct {
	view           *View
	outside, other string
	seen           func() []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	base := t.TempDir()
	w := &world{outside: filepath.Join(base, "outside"), other: filepath.Join(base, "media", "t11")}
	s := newStorage(t, Config{Location: filepath.Join(base, "media")})
	own := filepath.Join(base, "media", "t1")
	for _, dir := range []string{w.outside, w.other, filepath.Join(own, "d", "e")} {
		must(t, os.MkdirAll(dir, 0o777))
	}
	must(t, os.WriteFile(filepath.Join(w.outside, "secret.txt"), []byte(secret), 0o666))
	must(t, os.WriteFile(filepath.Join(w.other, "secret.txt"), []byte(secret), 0o666))
	must(t, os.WriteFile(filepath.Join(own, "d", "own.txt"), []byte("own"), 0o666))
	for name, target := range map[string]string{
		"out": "../../outside", "absolute": w.outside, "secret.txt": "../../outside/secret.txt", "other": "../t11", "chain": "d/../out",
		"d/up": "..", "d/out": "../../../outside", "new": "../../outside/new", "loop": "loop", "inside": "d", "proc": "/proc/self/root",
	} {
		must(t, os.Symlink(target, filepath.Join(own, name)))
	}
	var err error
	if w.view, err = s.For(t.Context(), storage.Tenant{Schema: "t1"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.view.Close() })
	w.seen = watch(t, map[string]uint32{w.outside: anyUse, w.other: anyUse, filepath.Join(base, "media"): changes, base: changes})
	return w
}

// untouched fails if anything outside of t1's folder was opened or changed.
func (w *world) untouched(t *testing.T) {
	t.Helper()
	if events := w.seen(); len(events) > 0 {
		t.Errorf("%d uses outside of the tenant's folder, the first: %s", len(events), events[0])
	}
}

var hostile = []string{
	"..", "../", "../..", "../t11/secret.txt", "../../outside/secret.txt", "%2e%2e", "%2e%2e/", "%2f", "..%2f", "%252e%252e%252f", `\`, `..\`, `..\..\`,
	"\x00", "\x00/..", "/", "//", "///", "/etc/passwd", "/proc/self/root", "/dev/zero", "out", "out/", "out/secret.txt", "out/new.txt", "absolute",
	"absolute/secret.txt", "secret.txt", "other/secret.txt", "chain/secret.txt", "d/up", "d/up/out/secret.txt", "d/out/x", "new", "loop", "loop/x", "inside/own.txt",
	"proc/etc/passwd", "\xc0\xae\xc0\xae", "\xc0\xaf", "\xe0\x80\xae", "\xff", ".", "./", "d", "d/e", "a", "é", "e\u0301", "．．", "∕", "․․", " ", "\n", "\u202e", "\u2028",
	"C:", `C:\`, `\\host\share`, "NUL", "con.txt", "~", "~root", "$HOME", "`id`", "-rf", "*", "?", ".tenantedge-x", ".TenantEdge-x", "d/.tenantedge-x",
}

// hostileName joins random pieces. The first names are single pieces.
func hostileName(rng *rand.Rand, i int) string {
	if i < len(hostile) {
		return hostile[i]
	}
	if rng.IntN(100) == 0 {
		return strings.Repeat(hostile[rng.IntN(len(hostile))]+"/", 10_000)[:10_000-rng.IntN(50)]
	}
	var b strings.Builder
	for range 1 + rng.IntN(6) {
		b.WriteString(hostile[rng.IntN(len(hostile))])
		if rng.IntN(3) > 0 {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// everything performs all operations on a name, and returns what it read.
func everything(ctx context.Context, v *View, name string) (read []byte, err error) {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	take := func(f fs.File, err error) {
		note(err)
		if err == nil {
			b, _ := io.ReadAll(f)
			read = append(read, b...)
			note(f.Close())
		}
	}
	_, err = django(v).Exists(name)
	note(err)
	_, err = v.Save(ctx, name, strings.NewReader("mine"), 0)
	note(err)
	take(v.Open(name))
	if f, err := v.OpenFile(name, os.O_RDWR|os.O_CREATE); err == nil {
		take(f, nil)
	} else {
		note(err)
	}
	_, err = v.Stat(name)
	note(err)
	_, err = django(v).Size(name)
	note(err)
	_, err = django(v).Times(name)
	note(err)
	_, err = v.ReadDir(name)
	note(err)
	_, _, err = django(v).ListDir(name)
	note(err)
	_, err = django(v).AvailableName(name, 1000)
	note(err)
	_, err = v.Path(ctx, name)
	note(err)
	_, err = v.URL(ctx, name)
	note(err)
	return read, errors.Join(errs...)
}

func TestF1NothingOutsideIsTouchedWhateverTheName(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(1, 2026))
	rejected := 0
	for i := range 10_000 {
		name := hostileName(rng, i)
		read, err := everything(t.Context(), w.view, name)
		if bytes.Contains(read, []byte(secret)) {
			t.Fatalf("%.200q reads another's secret", name)
		}
		if errors.Is(err, storage.ErrSuspicious) {
			rejected++
		}
		if strings.Contains(name, "e") { // the links themselves stay
			continue
		}
		_ = w.view.Delete(name)
	}
	w.untouched(t)
	if rejected < 5_000 {
		t.Errorf("%d names were suspicious: the corpus is not hostile", rejected)
	}
}

func TestF1AnAnswerRevealsNothingOutside(t *testing.T) {
	w := newWorld(t)
	for _, way := range []string{"out/", "absolute/", "other/", "chain/", "d/out/", "d/up/out/", "../t11/", w.outside + "/"} {
		_, there := everything(t.Context(), w.view, way+"secret.txt")
		_, missing := everything(t.Context(), w.view, way+"absent.txt")
		if strings.ReplaceAll(fmt.Sprint(there), "secret.txt", "absent.txt") != fmt.Sprint(missing) {
			t.Errorf("%s: an existing file:\n%v\na missing one:\n%v", way, there, missing)
		}
		if !errors.Is(there, storage.ErrSuspicious) {
			t.Errorf("%s: %v, expected ErrSuspicious", way, there)
		}
	}
	w.untouched(t)
}

// TestF1AnAttackerInsideTheRootCannotLeaveIt replaces folders, files and temporary
// files of the tenant by links that lead out, while others use them.
func TestF1AnAttackerInsideTheRootCannotLeaveIt(t *testing.T) {
	w := newWorld(t)
	own := w.view.Location()
	done := make(chan struct{})
	var attacker, users sync.WaitGroup
	attacker.Go(func() {
		path := func(name string) string { return filepath.Join(own, name) }
		for {
			select {
			case <-done:
				return
			default:
			}
			// Errors are lost races, which is the point.
			_ = os.Rename(path("d"), path("d.real"))
			_ = os.Symlink(w.outside, path("d"))
			_ = os.Remove(path("d"))
			_ = os.Symlink("../../outside", path("d"))
			_ = os.Remove(path("d"))
			_ = os.Rename(path("d.real"), path("d"))
			entries, _ := os.ReadDir(path("d"))
			for _, e := range entries {
				if backend.Reserved(e.Name()) || strings.HasPrefix(e.Name(), "up") {
					_ = os.Remove(path("d/" + e.Name()))
					_ = os.Symlink("../../../outside/secret.txt", path("d/"+e.Name()))
				}
			}
		}
	})
	for i := range 3 {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(i)))
			names := []string{"d/secret.txt", "d/own.txt", "d/upload.txt", "d/e/upload.txt", "d"}
			for range 300 {
				name := names[rng.IntN(len(names))]
				read, _ := everything(t.Context(), w.view, name)
				if bytes.Contains(read, []byte(secret)) {
					t.Errorf("%s reads another's secret", name)
				}
				if name != "d" {
					_ = w.view.Delete(name)
				}
				_, _ = w.view.Sweep(t.Context())
			}
		})
	}
	users.Wait()
	close(done)
	attacker.Wait()
	w.untouched(t)
}

// TestAPipeAmongTheFilesBlocksNoRequest: opening a pipe waits for its writer.
func TestAPipeAmongTheFilesBlocksNoRequest(t *testing.T) {
	v := filled(t)
	must(t, syscall.Mkfifo(filepath.Join(v.Location(), "pipe"), 0o666))
	if f, err := v.Open("pipe"); !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("%v, %v, expected ErrSuspicious", f, err)
	}
}

func TestADiskThatIsToStayFreeIsNotFilled(t *testing.T) {
	v := newView(t, Config{MinFree: 1 << 62})
	if name, err := v.Save(t.Context(), "a", strings.NewReader("x"), 0); !errors.Is(err, storage.ErrFull) {
		t.Errorf("%q, %v, expected ErrFull", name, err)
	}
	if entries, err := os.ReadDir(v.Location()); len(entries) > 0 || err != nil {
		t.Errorf("remaining: %v, %v", entries, err)
	}
}

// TestTheErrorOfAFullDiskNamesTheFinalFile passes the error of a full disk to
// temporary.named.
func TestTheErrorOfAFullDiskNamesTheFinalFile(t *testing.T) {
	v := newView(t, Config{})
	into, err := v.folderFor(".", nil)
	must(t, err)
	defer into.Close()
	temporary, err := v.storage.newTemporary(into)
	must(t, err)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	_, failure := full.Write([]byte("x"))
	var failed *fs.PathError
	if !errors.As(failure, &failed) {
		t.Fatal(failure)
	}
	failed.Path = temporary.file.Name()
	if err := temporary.named(failure, "d/a.txt"); err.Error() != "write d/a.txt: no space left on device" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	temporary.discard()
	if entries, err := os.ReadDir(v.Location()); len(entries) > 0 || err != nil {
		t.Errorf("remaining: %v, %v", entries, err)
	}
}
