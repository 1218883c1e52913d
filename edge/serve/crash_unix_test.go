//go:build unix

package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// killsVariable is the environment variable with the number of times that the
// process that takes uploads is killed; `make kill-test` sets 200. kills is the
// default.
const (
	killsVariable = "TENANTEDGE_KILLS"
	kills         = 3
)

// uploader sends files that each contain their checksum, and records which ones
// were acknowledged.
type uploader struct {
	t   *testing.T
	url string

	mu           sync.Mutex
	acknowledged map[string][]byte
	begun        map[string][]byte // complete content of resumable uploads, by URL
	acks         chan struct{}
}

func TestKilledServersNeitherTruncateNorLoseUploads(t *testing.T) {
	times := kills
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	location := filepath.Join(t.TempDir(), "media")
	u := &uploader{t: t, acknowledged: map[string][]byte{}, begun: map[string][]byte{}}
	resumed := 0
	for n := range times {
		server, address := startUploadServer(t, location)
		u.url = "http://" + address
		resumed += u.resume()
		var wg sync.WaitGroup
		u.acks = make(chan struct{}, 10_000)
		ctx, cancel := context.WithCancel(t.Context())
		for worker := range 4 {
			wg.Go(func() { u.upload(ctx, fmt.Sprint(n, "-", worker), worker%2 == 0) })
		}
		for range 1 + rand.IntN(30) {
			<-u.acks
		}
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.Wait() // it was killed
		cancel()
		wg.Wait()
	}
	server, address := startUploadServer(t, location)
	u.url = "http://" + address
	resumed += u.resume()
	u.send(t.Context(), "PUT", "/media/www/last/", nil) // the first access to the files, which starts the removal of temporary ones
	for deadline := time.Now().Add(patience); u.temporaries(location) > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d temporary files remain", u.temporaries(location))
		}
	}
	whole := u.compare(location)
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	t.Logf("%d kills: %d uploads are complete, including all %d that were acknowledged; %d were resumed", times, whole, len(u.acknowledged), resumed)
}

func startUploadServer(t *testing.T, location string) (*exec.Cmd, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(exe)
	server.Env = append(os.Environ(), uploadServerVariable+"="+location, compiledVariable+"="+compiled)
	server.Stderr = os.Stderr
	if _, err = server.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() }) // it may have exited already
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return server, strings.TrimSpace(address)
}

// upload sends files until the server is killed.
func (u *uploader) upload(ctx context.Context, prefix string, resumable bool) {
	for n := 0; ctx.Err() == nil; n++ {
		content := make([]byte, sha256.Size+rand.IntN(200_000))
		for i := range content[sha256.Size:] {
			content[sha256.Size+i] = byte(rand.Uint32())
		}
		sum := sha256.Sum256(content[sha256.Size:])
		copy(content, sum[:])
		name := fmt.Sprintf("d%d/%s-%d.bin", n%3, prefix, n)
		if !resumable {
			if a := u.send(ctx, "PUT", "/media/www/"+name, content); a == nil || a.StatusCode != 201 {
				return
			}
			u.acknowledge(name, content)
			continue
		}
		a := u.send(ctx, "POST", "/media/www/"+name, nil, "Upload-Length", strconv.Itoa(len(content)))
		if a == nil || a.StatusCode != 201 {
			return
		}
		at := a.Header.Get("Location")
		u.mu.Lock()
		u.begun[at] = content
		u.mu.Unlock()
		if !u.continueUpload(ctx, at, 0, content) {
			return
		}
		u.acknowledge(name, content)
		u.mu.Lock()
		delete(u.begun, at)
		u.mu.Unlock()
	}
}

func (u *uploader) acknowledge(name string, content []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.acknowledged[name] = content
	select {
	case u.acks <- struct{}{}:
	default:
	}
}

// continueUpload sends the rest of an upload in parts. It reports whether all succeeded.
func (u *uploader) continueUpload(ctx context.Context, at string, offset int, content []byte) bool {
	for offset < len(content) {
		end := min(len(content), offset+50_000)
		a := u.send(ctx, "PATCH", at, content[offset:end], "Upload-Offset", strconv.Itoa(offset))
		if a == nil || a.StatusCode != 204 {
			return false
		}
		offset = end
	}
	return true
}

// resume finishes the uploads that were begun before the server was killed.
func (u *uploader) resume() (resumed int) {
	u.t.Helper()
	for at, content := range u.begun {
		a := u.send(u.t.Context(), "HEAD", at, nil)
		if a == nil || a.StatusCode != 200 {
			u.t.Fatalf("an upload that was begun was lost: %v", a)
		}
		offset, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
		if err != nil || !u.continueUpload(u.t.Context(), at, offset, content) {
			u.t.Fatalf("an upload that was begun cannot be resumed: %v", err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(at, "/media/www/"), "?")
		u.acknowledged[name] = content
		delete(u.begun, at)
		resumed++
	}
	return resumed
}

func (u *uploader) send(ctx context.Context, method, target string, content []byte, headers ...string) *http.Response {
	r, err := http.NewRequestWithContext(ctx, method, u.url+target, bytes.NewReader(content))
	if err != nil {
		u.t.Error(err)
		return nil
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if method != "PUT" {
		r.Header.Set("Tus-Resumable", "1.0.0")
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil // the server was killed
	}
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
	return a
}

// temporaries counts the temporary files. It leaves out resumable uploads whose
// answer the client did not get, and records of finished ones: these expire.
func (u *uploader) temporaries(location string) (n int) {
	err := filepath.WalkDir(location, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // removed in the meantime
		}
		if err == nil && !d.IsDir() && strings.Contains(path, "/.") && !strings.HasSuffix(path, ".json") {
			if _, err := os.Stat(path + ".json"); err != nil {
				n++
			}
		}
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return n
}

// compare compares the files on the disk with those that were acknowledged.
func (u *uploader) compare(location string) (whole int) {
	u.t.Helper()
	missing := make(map[string]bool, len(u.acknowledged))
	for name := range u.acknowledged {
		missing[name] = true
	}
	root := filepath.Join(location, "www")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/.") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		switch {
		case err != nil:
			return err
		case len(content) < sha256.Size || sha256.Sum256(content[sha256.Size:]) != [sha256.Size]byte(content):
			u.t.Errorf("%s is incomplete: %d bytes", name, len(content))
		default:
			whole++
		}
		if want, ok := u.acknowledged[name]; ok && !bytes.Equal(content, want) {
			u.t.Errorf("the content of %s differs from what was acknowledged", name)
		}
		delete(missing, name)
		return nil
	})
	if err != nil {
		u.t.Fatal(err)
	}
	for name := range missing {
		u.t.Errorf("%s was acknowledged but is missing", name)
	}
	return whole
}
