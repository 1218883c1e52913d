//go:build unix

package object

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

// TestWhatOthersMadeIsNoHarm: a bucket may have keys that no name resolves to.
func TestWhatOthersMadeIsNoHarm(t *testing.T) {
	c := bucket(t)
	v := newView(t, c)
	client := s3test.Start(t).Client()
	for _, key := range []string{"t1/folder/", "t1/d/x", "t1/.tenantedge-upload", "t1/TEXT", "t11/x"} {
		_, err := client.PutObject(t.Context(), c.Bucket, c.Prefix+"/"+key, strings.NewReader(""), 0, unchunked)
		must(t, err)
	}
	if err := fstest.TestFS(v, "d/x", "TEXT", "folder"); err != nil {
		t.Error(err)
	}
	dirs, files, err := django(v).ListDir("")
	if strings.Join(dirs, " ") != "d folder" || strings.Join(files, " ") != "TEXT" || err != nil {
		t.Errorf("%q %q, %v", dirs, files, err)
	}
	if u, err := v.Usage(t.Context()); u.Files != 2 || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	must(t, v.Delete("folder"))
	if exists, err := django(v).Exists("folder"); exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if err := v.Delete("d"); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("%v", err)
	}
}

func TestASweepRemovesOldUploads(t *testing.T) {
	c := bucket(t)
	v := newView(t, c)
	core := minio.Core{Client: s3test.Start(t).Client()}
	for _, key := range []string{"t1/.tenantedge-a", "t11/.tenantedge-b"} {
		_, err := core.NewMultipartUpload(t.Context(), c.Bucket, c.Prefix+"/"+key, minio.PutObjectOptions{})
		must(t, err)
		_, err = core.Client.PutObject(t.Context(), c.Bucket, c.Prefix+"/"+key+"x", strings.NewReader(""), 0, unchunked)
		must(t, err)
	}
	_, err := v.Save(t.Context(), "a", strings.NewReader(""), 0)
	must(t, err)
	if n, err := v.Sweep(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("%d removed, %v: their savers may be running", n, err)
	}
	if n, err := v.Sweep(t.Context(), -time.Hour); n != 2 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if found := leftovers(t, c); len(found) != 2 || !strings.Contains(found[0]+found[1], "t11/") {
		t.Errorf("%q remain, expected the other tenant's", found)
	}
	if exists, err := django(v).Exists("a"); !exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
}

// do sends a request to a URL without changing it.
func do(t *testing.T, method, url, body string, header http.Header) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	for name := range header {
		r.Header.Set(name, header.Get(name))
	}
	w, err := http.DefaultClient.Do(r)
	must(t, err)
	content, err := io.ReadAll(w.Body)
	must(t, errors.Join(err, w.Body.Close()))
	return w.StatusCode, string(content), w.Header
}

func TestPresignedURLsAreOfOneTenantAndOneUse(t *testing.T) {
	c := bucket(t)
	v := newView(t, c)
	_, err := v.Save(t.Context(), "d/a b.html", strings.NewReader("own"), 0)
	must(t, err)
	other, err := v.storage.For(t.Context(), storage.Tenant{Schema: "t2"})
	must(t, err)
	_, err = other.Save(t.Context(), "d/a b.html", strings.NewReader("another's"), 0)
	must(t, err)
	sign := func(method, name string) string {
		t.Helper()
		u, err := v.Presign(t.Context(), method, name, time.Minute)
		must(t, err)
		return u
	}
	get := sign(http.MethodGet, "d/a b.html")
	status, body, header := do(t, http.MethodGet, get, "", nil)
	if status != http.StatusOK || body != "own" || header.Get("Content-Disposition") != "attachment" || header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d %q %v", status, body, header)
	}
	for what, u := range map[string]string{
		"another tenant's":   strings.Replace(get, "/t1/", "/t2/", 1),
		"another file":       strings.Replace(get, "a%20b", "a", 1),
		"for longer":         strings.Replace(get, "X-Amz-Expires=60", "X-Amz-Expires=600", 1),
		"as a page":          strings.Replace(get, "attachment", "inline", 1),
		"another's key":      strings.Replace(get, s3test.AccessKey, "another", 1),
		"climbing to others": strings.Replace(get, "/t1/", "/t1/../t2/", 1),
	} {
		if status, body, _ := do(t, http.MethodGet, u, "", nil); status == http.StatusOK || u == get {
			t.Errorf("%s: %d %q", what, status, body)
		}
	}
	if status, _, _ := do(t, http.MethodDelete, get, "", nil); status < 400 {
		t.Errorf("deleted by a URL for reading: %d", status)
	}
	if status, _, _ := do(t, http.MethodHead, sign(http.MethodHead, "d/a b.html"), "", nil); status != http.StatusOK {
		t.Errorf("HEAD: %d", status)
	}

	fresh := http.Header{"If-None-Match": {"*"}}
	for _, c := range []struct {
		what, name string
		header     http.Header
		want       int
	}{
		{"a new file without the header", "new", nil, http.StatusForbidden},
		{"a new file", "new", fresh, http.StatusOK},
		{"a file that exists", "d/a b.html", fresh, http.StatusPreconditionFailed},
	} {
		if status, body, _ := do(t, http.MethodPut, sign(http.MethodPut, c.name), "sent", c.header); status != c.want {
			t.Errorf("%s: %d %q, expected %d", c.what, status, body, c.want)
		}
	}
	f, err := django(v).OpenRead("new")
	must(t, err)
	if got, err := io.ReadAll(f); string(got) != "sent" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	must(t, f.Close())

	for _, bad := range []struct {
		method, name string
		valid        time.Duration
		want         error
	}{
		{http.MethodGet, "../t2/x", time.Minute, storage.ErrSuspicious}, {http.MethodGet, "", time.Minute, storage.ErrSuspicious},
		{http.MethodPut, "d/", time.Minute, storage.ErrSuspicious}, {http.MethodPut, ".tenantedge-x", time.Minute, storage.ErrSuspicious},
		{http.MethodDelete, "a", time.Minute, nil}, {http.MethodGet, "a", 0, nil}, {http.MethodGet, "a", 8 * 24 * time.Hour, nil},
	} {
		if u, err := v.Presign(t.Context(), bad.method, bad.name, bad.valid); err == nil || bad.want != nil && !errors.Is(err, bad.want) {
			t.Errorf("%s %q %v: %s, %v", bad.method, bad.name, bad.valid, u, err)
		}
	}
	c.Quota = func(storage.Tenant) storage.Quota { return storage.Quota{Files: 1} }
	if u, err := newView(t, c).Presign(t.Context(), http.MethodPut, "x", time.Minute); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("%s, %v, expected ErrQuota", u, err)
	}
}

func TestCredentialsAreThoseOfTheEnvironmentAndOfFiles(t *testing.T) {
	c := bucket(t)
	c.Credentials, c.Retries = Credentials{}, 1
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	must(t, newStorage(t, c).Check(t.Context()))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	file := filepath.Join(t.TempDir(), "credentials")
	must(t, os.WriteFile(file, []byte("[default]\naws_access_key_id = "+s3test.AccessKey+"\naws_secret_access_key = "+s3test.SecretKey+"\n"), 0o600))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	must(t, newStorage(t, c).Check(t.Context()))
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"bucket":      func(c *Config) { c.Bucket = "No Bucket" },
		"prefix":      func(c *Config) { c.Prefix = "a/../b" },
		"endpoint":    func(c *Config) { c.Endpoint = "s3.example.com" },
		"scheme":      func(c *Config) { c.Endpoint = "https://user:hunter2@s3.example.com" },
		"credentials": func(c *Config) { c.Credentials.AccessKeyID = "a" },
		"part size":   func(c *Config) { c.PartSize = 1 << 20 },
		"for files":   func(c *Config) { c.MaxSize = 1 << 40 },
	} {
		c := Config{Bucket: "media"}
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, expected words of the %s", err, want)
		}
	}
}

func TestTheZeroViewHasNoFiles(t *testing.T) {
	var v View
	_, exists := django(&v).Exists("x")
	_, open := django(&v).OpenRead("x")
	_, plain := v.Open("x")
	_, _, list := django(&v).ListDir("")
	_, save := v.Save(t.Context(), "x", strings.NewReader(""), 0)
	_, sign := v.Presign(t.Context(), http.MethodGet, "x", time.Minute)
	_, usage := v.Usage(t.Context())
	_, sweep := v.Sweep(t.Context(), 0)
	for i, err := range []error{exists, open, plain, list, save, sign, usage, sweep, v.Delete("x")} {
		if !errors.Is(err, storage.ErrNoTenant) {
			t.Errorf("operation %d: %v, expected ErrNoTenant", i, err)
		}
	}
	must(t, v.Close())
}

func TestALongNameIsRefused(t *testing.T) {
	v := newView(t, bucket(t))
	if _, err := v.Save(t.Context(), strings.Repeat("d/", 600)+"x", bytes.NewReader(nil), 0); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("%v, expected ENAMETOOLONG", err)
	}
	if _, err := v.Stat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func BenchmarkSave(b *testing.B) {
	v := newView(b, bucket(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Save(b.Context(), "d/x.txt", strings.NewReader("content"), 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAndRead(b *testing.B) {
	v := newView(b, bucket(b))
	_, err := v.Save(b.Context(), "d/x.txt", strings.NewReader("content"), 0)
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		f, err := django(v).OpenRead("d/x.txt")
		must(b, err)
		_, err = io.Copy(io.Discard, f)
		must(b, errors.Join(err, f.Close()))
	}
}

// BenchmarkSaveLarge measures staging. A save allocates the memory of one part.
func BenchmarkSaveLarge(b *testing.B) {
	v := newView(b, bucket(b))
	content := make([]byte, 64<<20)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Save(b.Context(), "d/x.bin", io.MultiReader(bytes.NewReader(content)), 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadLarge(b *testing.B) {
	v := newView(b, bucket(b))
	content := make([]byte, 64<<20)
	_, err := v.Save(b.Context(), "x.bin", bytes.NewReader(content), 0)
	must(b, err)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := django(v).OpenRead("x.bin")
		must(b, err)
		_, err = io.Copy(io.Discard, f)
		must(b, errors.Join(err, f.Close()))
	}
}
