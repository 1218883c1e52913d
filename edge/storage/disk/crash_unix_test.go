//go:build unix

package disk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// The environment variables that start a process which saves until it is killed,
// and that set how often this is done. RATIONALE.md has the figures of 200:
//
//	TENANTEDGE_KILLS=200 go test -run Killed ./edge/storage/disk
const (
	saverVariable = "TENANTEDGE_SAVER"
	killsVariable = "TENANTEDGE_KILLS"
	kills         = 20
)

func TestMain(m *testing.M) {
	if location := os.Getenv(saverVariable); location != "" {
		if err := saveForever(location); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForever saves files that begin with their checksum, by all methods, and
// acknowledges each on standard output.
func saveForever(location string) error {
	s, err := New(Config{Location: location})
	if err != nil {
		return err
	}
	v, err := s.For(context.Background(), storage.Tenant{Schema: "t1"})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make(chan error, 6)
	for range 4 {
		wg.Go(func() {
			for {
				content := checked(rand.IntN(200_000))
				name, err := v.Save(context.Background(), fmt.Sprintf("d%d/f.bin", rand.IntN(20)), bytes.NewReader(content), 0)
				if err == nil {
					_, err = fmt.Printf("%s %x\n", name, content[:sha256.Size])
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for _, way := range []func(*View) error{replaceForever, appendForever} {
		wg.Go(func() { errs <- way(v) })
	}
	wg.Wait()
	return <-errs
}

const replaced = "replaced.bin"

// replaceForever replaces one file, which counts its replacements after the
// checksum.
func replaceForever(v *View) error {
	for {
		seen, err := v.Stat(replaced)
		var n uint64
		if err == nil {
			old, err := fs.ReadFile(v, replaced)
			if err != nil {
				return err
			}
			n = binary.LittleEndian.Uint64(old[sha256.Size:])
		}
		content := make([]byte, sha256.Size+8+rand.IntN(50_000))
		binary.LittleEndian.PutUint64(content[sha256.Size:], n+1)
		sum := sha256.Sum256(content[sha256.Size:])
		copy(content, sum[:])
		if seen == nil {
			_, err = v.Create(context.Background(), replaced, bytes.NewReader(content))
		} else {
			_, err = v.Replace(context.Background(), replaced, bytes.NewReader(content), sameAs(seen))
		}
		if err == nil {
			_, err = fmt.Printf("%s %d\n", replaced, n+1)
		}
		if err != nil {
			return err
		}
	}
}

// appendForever saves files in parts.
func appendForever(v *View) error {
	for {
		content := checked(rand.IntN(100_000))
		p, err := v.NewPartial(context.Background(), backend.Record{
			Name: fmt.Sprintf("d%d/p.bin", rand.IntN(20)), Free: true, Size: int64(len(content)), Expires: time.Now().Add(time.Hour),
			Meta: map[string]string{"content": base64.StdEncoding.EncodeToString(content[:min(len(content), 1000)])},
		})
		if err != nil {
			return err
		}
		for p.Record().Saved == "" {
			at := p.Offset()
			if _, err := p.Append(context.Background(), at, bytes.NewReader(content[at:min(len(content), int(at)+30_000)]), nil); err != nil {
				return err
			}
		}
		if _, err := fmt.Printf("%s %x\n", p.Record().Saved, content[:sha256.Size]); err != nil {
			return err
		}
		if err := p.Remove(); err != nil {
			return err
		}
	}
}

// checked returns content that begins with the checksum of the rest.
func checked(size int) []byte {
	content := make([]byte, sha256.Size+size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	sum := sha256.Sum256(content[sha256.Size:])
	copy(content, sum[:])
	return content
}

func TestKilledSaversTearNoFileAndLoseNone(t *testing.T) {
	times := kills
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	location := t.TempDir()
	acknowledged := make(map[string]string)
	abandoned, resumed := 0, 0
	for range times {
		saveUntilKilled(t, location, acknowledged)
		abandoned += len(leftovers(t, location))
		s, err := New(Config{Location: location})
		must(t, err)
		v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
		must(t, err)
		_, err = v.Sweep(t.Context()) // in addition to the background sweep
		must(t, err)
		resumed += resume(t, v, location)
		must(t, v.Close())
		must(t, s.Close())
		if found := leftovers(t, location); found != nil {
			t.Fatalf("left after a restart: %q", found)
		}
	}
	v := newView(t, Config{Location: location})
	files := 0
	must(t, fs.WalkDir(v, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := fs.ReadFile(v, name)
		if err != nil {
			return err
		}
		if len(content) < sha256.Size || sha256.Sum256(content[sha256.Size:]) != [sha256.Size]byte(content) {
			t.Errorf("%s is torn: %d bytes", name, len(content))
			return nil
		}
		if name == replaced {
			var last uint64
			if text, ok := acknowledged[name]; ok {
				last, err = strconv.ParseUint(text, 10, 64)
				must(t, err)
			}
			if n := binary.LittleEndian.Uint64(content[sha256.Size:]); n < last {
				t.Errorf("%s is of step %d, acknowledged was %d", name, n, last)
			}
		} else if want, ok := acknowledged[name]; ok && want != hex.EncodeToString(content[:sha256.Size]) {
			t.Errorf("%s has other content than was acknowledged", name)
		}
		delete(acknowledged, name)
		return nil
	}))
	for name := range acknowledged {
		t.Errorf("%s was acknowledged and is lost", name)
	}
	t.Logf("%d kills: %d files are complete, %d temporary files were swept, %d partial files were resumed", times, files, abandoned, resumed)
}

// resume opens and removes the partial files that a process left. Each must hold
// a prefix of what was sent.
func resume(t *testing.T, v *View, location string) (resumed int) {
	t.Helper()
	for _, name := range partials(t, location) {
		id, isRecord := strings.CutSuffix(name, recordSuffix)
		if !isRecord {
			continue
		}
		p, err := v.openPartial(id)
		must(t, err)
		resumed++
		sent, err := base64.StdEncoding.DecodeString(p.Meta["content"])
		must(t, err)
		var found []byte
		if p.Saved == "" {
			found = make([]byte, min(p.Offset(), int64(len(sent))))
			_, err = p.file.ReadAt(found, 0)
			must(t, err)
		}
		if !bytes.HasPrefix(sent, found) {
			t.Errorf("%s holds content that was not sent", id)
		}
		must(t, p.Remove())
	}
	return resumed
}

// saveUntilKilled kills the process after some acknowledgements, and reads the
// rest of its output.
func saveUntilKilled(t *testing.T, location string, acknowledged map[string]string) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	saver := exec.Command(exe)
	saver.Env = append(os.Environ(), saverVariable+"="+location)
	saver.Stderr = os.Stderr
	out, err := saver.StdoutPipe()
	must(t, err)
	must(t, saver.Start())
	lines := bufio.NewReader(out)
	for left := 1 + rand.IntN(25); ; left-- {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // an incomplete line is no acknowledgement
		}
		name, sum, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || path.Ext(name) != ".bin" {
			t.Fatalf("the saver printed %q", line)
		}
		acknowledged[name] = sum
		if left == 1 {
			must(t, saver.Process.Kill())
		}
	}
	_ = saver.Wait() // it was killed
}
