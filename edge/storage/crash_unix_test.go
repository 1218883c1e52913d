//go:build unix

package storage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
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
)

// The environment of a process that saves until it is killed, and how often
// that happens. CI does with few; 200 are the measure:
//
//	TENANTEDGE_KILLS=200 go test -run Killed ./edge/storage
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

// saveForever saves files of which each holds its own checksum, and
// acknowledges each on standard output.
func saveForever(location string) error {
	s, err := New(Config{Location: location})
	if err != nil {
		return err
	}
	v, err := s.For(context.Background(), Tenant{Schema: "t1"})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
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
	wg.Wait()
	return <-errs
}

// checked is content that begins with the checksum of the rest.
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
	abandoned := 0
	for range times {
		saveUntilKilled(t, location, acknowledged)
		abandoned += len(leftovers(t, location))
		s := newStorage(t, Config{Location: location})
		v, err := s.For(t.Context(), Tenant{Schema: "t1"})
		must(t, err)
		s.work.Wait()
		must(t, v.Close())
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
		if want, ok := acknowledged[name]; ok && want != hex.EncodeToString(content[:sha256.Size]) {
			t.Errorf("%s has other content than was acknowledged", name)
		}
		delete(acknowledged, name)
		return nil
	}))
	for name := range acknowledged {
		t.Errorf("%s was acknowledged and is lost", name)
	}
	t.Logf("%d kills: %d files are whole, %d temporary ones were abandoned and swept", times, files, abandoned)
}

// saveUntilKilled reads some acknowledgements and kills, then the rest of what
// the process had said.
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
			break // what has no end was not said
		}
		name, sum, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || path.Ext(name) != ".bin" {
			t.Fatalf("the saver says %q", line)
		}
		acknowledged[name] = sum
		if left == 1 {
			must(t, saver.Process.Kill())
		}
	}
	_ = saver.Wait() // killed, as it should be
}
