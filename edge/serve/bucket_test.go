//go:build unix

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/storage/object"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

// bucketWorld is a world whose tenants' files are in a bucket of an S3 server for
// this test only.
type bucketWorld struct {
	*world
	server  *s3test.Server
	network *s3test.Network // between the edge and the server
	bucket  string
	own     storage.Storage // the same files, without the edge
}

// open opens the bucket at an endpoint.
func (b *bucketWorld) open(endpoint string, silence time.Duration, limits disk.Config) (storage.Storage, error) {
	return object.New(object.Config{
		Endpoint: endpoint, SilenceTimeout: silence, Region: s3test.Region, Bucket: b.bucket, Retries: 1,
		Credentials: object.Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey},
		BaseURL:     limits.BaseURL, Locator: limits.Locator, MaxSize: limits.MaxSize, Quota: limits.Quota,
	})
}

func startBucket(t *testing.T, changes ...func(*setup)) *bucketWorld {
	t.Helper()
	b := &bucketWorld{server: s3test.StartOwn(t)}
	b.bucket, b.network = b.server.NewBucket(t), s3test.NewNetwork(t, b.server)
	m := startMedia(t, append([]func(*setup){func(s *setup) {
		s.options.Media = &config.Media{S3: &config.S3{Bucket: b.bucket}, BaseURL: "/media/", ActiveContent: "attachment", Precompressed: true}
		s.options.OpenBucket = func(c *config.S3, limits disk.Config) (storage.Storage, error) {
			return b.open("http://"+b.network.Address(), c.SilenceTimeout, limits)
		}
	}}, changes...)...)
	b.world = m.world
	var err error
	if b.own, err = b.open(b.server.URL(), 0, disk.Config{BaseURL: "/media/", Locator: b.world.server.Host()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.own.Close() })
	return b
}

// files returns a tenant's files, without the edge.
func (b *bucketWorld) files(tenant storage.Tenant) storage.View {
	b.Helper()
	f, err := b.own.View(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	return f
}

// everything returns all keys in the bucket, those of incomplete uploads too.
func (b *bucketWorld) everything() (keys []string) {
	b.Helper()
	client := b.server.Client()
	for o := range client.ListObjectsIter(b.Context(), b.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			b.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	for u := range client.ListIncompleteUploads(b.Context(), b.bucket, "", true) {
		if u.Err != nil {
			b.Fatal(u.Err)
		}
		keys = append(keys, u.Key+" in parts")
	}
	return keys
}

func TestMediaInABucketAreServedAsThoseOnADisk(t *testing.T) {
	w := startBucket(t)
	for _, tenant := range []storage.Tenant{{Schema: "acme"}, {Schema: "umbra", Pathname: "other", HasPathname: true}} {
		f := w.files(tenant)
		for _, name := range []string{"a.txt", "d/b.txt", "x.html"} {
			if _, err := f.Save(t.Context(), name, strings.NewReader("of "+tenant.Schema), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	tag := w.get("acme.example.com", "/media/acme/a.txt").Header.Get("ETag")
	for _, c := range []struct {
		host, target string
		headers      []string
		status       int
		body         string
	}{
		{"acme.example.com", "/media/acme/a.txt", nil, 200, "of acme"},
		{"umbra.example.com", "/media/other/a.txt", nil, 200, "of umbra"},
		{"shared.example.com", "/acme/media/d/b.txt", nil, 200, "of acme"},
		{"acme.example.com", "/media/acme/a.txt", []string{"Range", "bytes=3-"}, 206, "acme"},
		{"acme.example.com", "/media/acme/a.txt", []string{"If-None-Match", tag}, 304, ""},
		{"acme.example.com", "/media/acme/missing.txt", nil, 404, "404 Not Found\n"},
		{"acme.example.com", "/media/other/a.txt", nil, 404, "404 Not Found\n"},
		{"acme.example.com", "/media/acme/../other/a.txt", nil, 404, "404 Not Found\n"},
		{"acme.example.com", "/media/acme/%2e%2e%2fother/a.txt", nil, 404, "404 Not Found\n"},
		{"acme.example.com", "/media/acme/d", nil, 404, "404 Not Found\n"},
	} {
		if a := w.get(c.host, c.target, c.headers...); a.StatusCode != c.status || a.page() != c.body {
			t.Errorf("%s%s %q: %d %q, expected %d %q", c.host, c.target, c.headers, a.StatusCode, a.body, c.status, c.body)
		}
	}
	if a := w.get("acme.example.com", "/media/acme/x.html"); a.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a page that was uploaded: %v", a.Header)
	}
	if a := w.do(w.request(http.MethodHead, "acme.example.com", "/media/acme/a.txt")); a.StatusCode != 200 || a.ContentLength != 7 || tag == "" {
		t.Errorf("HEAD: %d, length %d, tag %q", a.StatusCode, a.ContentLength, tag)
	}
	w.server.Kill(t)
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("without the bucket's server: %d %q, expected another status than 404 for an existing file", a.StatusCode, a.body)
	}
}

func TestUploadsIntoABucketWorkAsOnADisk(t *testing.T) {
	w := startBucket(t, uploadsFor(config.AccessPublic))
	if err := w.world.server.now().checkFiles(t.Context()); err != nil {
		t.Errorf("a server with conditional writes: %v", err)
	}
	const name, host = "/media/acme/d/new.txt", "acme.example.com"
	put := func(what, target, content string, status int, headers ...string) answer {
		t.Helper()
		a := w.send("PUT", host, target, content, headers...)
		if a.StatusCode != status {
			t.Errorf("%s: %d %q, expected %d", what, a.StatusCode, a.body, status)
		}
		return a
	}
	first := put("a new file", name, "one", 201)
	tag := first.Header.Get("ETag")
	if got := w.get(host, first.Header.Get("Location")); got.body != "one" || got.Header.Get("ETag") != tag || tag == "" {
		t.Errorf("GET: %d %q, tags %q and %q", got.StatusCode, got.body, got.Header.Get("ETag"), tag)
	}
	put("a taken name", name, "two", 409)
	put("a taken name, with If-None-Match", name, "two", 412, "If-None-Match", "*")
	put("below a file", name+"/x", "two", 409)
	put("replacing another version", name, "two", 412, "If-Match", `"another"`)
	put("replacing a missing file", "/media/acme/none", "two", 412, "If-Match", "*")
	second := put("replacing the version seen", name, "two", 204, "If-Match", tag).Header.Get("ETag")
	put("replacing an old version", name, "three", 412, "If-Match", tag)
	if got := w.get(host, name); got.body != "two" || got.Header.Get("ETag") != second {
		t.Errorf("GET: %q, tags %q and %q", got.body, got.Header.Get("ETag"), second)
	}
	large := strings.Repeat("0123456789abcdef", 10<<16)
	seen := put("a large file", "/media/acme/large", large, 201).Header.Get("ETag")
	put("replacing a large file", "/media/acme/large", large+"x", 204, "If-Match", seen)
	if got := w.get(host, "/media/acme/large"); got.body != large+"x" {
		t.Errorf("GET: %d bytes", len(got.body))
	}
	inFolder := w.send("PUT", "shared.example.com", "/umbra/media/new.txt", "of umbra")
	if inFolder.StatusCode != 201 || inFolder.Header.Get("Location") != "/umbra/media/new.txt" {
		t.Errorf("in a folder: %d, %v", inFolder.StatusCode, inFolder.Header)
	}
	for _, c := range []struct {
		method, host, target string
		status               int
		headers              []string
	}{
		{"PUT", host, "/media/other/x.txt", 404, nil},
		{"DELETE", host, "/media/other/new.txt", 404, nil},
		{"PUT", host, "/media/acme/../other/x.txt", 404, nil},
		{"PUT", host, "/media/acme/.tenantedge-x", 403, nil},
		{"DELETE", host, "/media/acme/d", 404, nil},
		{"DELETE", host, name, 412, []string{"If-Match", tag}},
		{"DELETE", host, name, 204, []string{"If-Match", second}},
		{"DELETE", host, name, 404, nil},
		{"DELETE", host, "/media/acme/large", 204, nil},
		{"POST", host, "/media/acme/x", 405, append(tusHeaders, "Upload-Length", "1")},
		{"PATCH", host, "/media/acme/x?te-upload=abcdefghijklmnopqrstuvwxyz", 405, append(tusHeaders, "Upload-Offset", "0")},
	} {
		a := w.send(c.method, c.host, c.target, "x", c.headers...)
		if a.StatusCode != c.status || c.status == 405 && strings.Contains(a.Header.Get("Allow"), "POST") {
			t.Errorf("%s %s%s %q: %d, expected %d, %v", c.method, c.host, c.target, c.headers, a.StatusCode, c.status, a.Header)
		}
	}
	options := w.send(http.MethodOptions, host, name, "")
	if options.StatusCode != 204 || options.Header.Get("Allow") != "GET, HEAD, PUT, DELETE, OPTIONS" || options.Header.Get("Tus-Version") != "" {
		t.Errorf("OPTIONS: %d %v, expected no Tus headers", options.StatusCode, options.Header)
	}
	if left := w.everything(); !slices.Equal(left, []string{"other/new.txt"}) {
		t.Errorf("leftover objects: %q", left)
	}
	if s := w.world.server.now().uploadStats(); s.Created != 3 || s.Replaced != 2 || s.Deleted != 2 {
		t.Errorf("counted %+v", s)
	}
	w.server.Kill(t)
	for _, method := range []string{"PUT", "DELETE"} {
		if a := w.send(method, host, "/media/acme/x", "x"); a.StatusCode != http.StatusBadGateway {
			t.Errorf("%s without the bucket's server: %d %q", method, a.StatusCode, a.body)
		}
	}
	if err := w.world.server.now().checkFiles(t.Context()); err != nil {
		t.Errorf("an unreachable server prevents the start: %v", err)
	}
}

func TestQuotasAreEnforcedInABucket(t *testing.T) {
	w := startBucket(t, uploadsFor(config.AccessPublic), func(s *setup) {
		s.options.Media.QuotaBytes, s.options.Media.QuotaFiles, s.options.Media.MaxFileBytes = 20, 2, 9
	})
	for _, c := range []struct {
		method, name, content string
		status                int
	}{
		{"PUT", "large.txt", "0123456789", 413},
		{"PUT", "a.txt", "01234567", 201}, {"PUT", "b.txt", "01234567", 201}, {"PUT", "one-more.txt", "", 507},
		{"DELETE", "b.txt", "", 204}, {"PUT", "one-more.txt", "x", 201}, {"DELETE", "one-more.txt", "", 204},
		{"PUT", "b.txt", "012345678", 201},
	} {
		a := w.send(c.method, "acme.example.com", "/media/acme/"+c.name, c.content)
		if a.StatusCode != c.status {
			t.Errorf("%s %s: %d %q, expected %d", c.method, c.name, a.StatusCode, a.body, c.status)
		}
	}
	if a := w.send("PUT", "umbra.example.com", "/media/other/a.txt", "0123"); a.StatusCode != 201 {
		t.Errorf("another tenant: %d", a.StatusCode)
	}
	if left := w.everything(); !slices.Equal(left, []string{"acme/a.txt", "acme/b.txt", "other/a.txt"}) {
		t.Errorf("leftover objects: %q", left)
	}
}

func TestAnAbortedUploadIntoABucketLeavesNothing(t *testing.T) {
	w := startBucket(t, uploadsFor(config.AccessPublic), func(s *setup) { s.options.Media.QuotaFiles = 1 })
	for i, sent := range []int{4, 9 << 20} { // within the first part, and after it
		c, err := net.Dial("tcp", w.addr())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(c, "PUT /media/acme/d/new.txt HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 20000000\r\n\r\n"+strings.Repeat("x", sent))
		if err := errors.Join(err, c.Close()); err != nil {
			t.Fatal(err)
		}
		w.eventually("the upload is refused", func() bool { return w.world.server.now().uploadStats().Failed[http.StatusBadRequest] == uint64(i+1) })
		if left := w.everything(); len(left) > 0 {
			t.Errorf("leftover objects: %q", left)
		}
	}
	if a := w.send("PUT", "acme.example.com", "/media/acme/d/new.txt", "whole"); a.StatusCode != 201 {
		t.Errorf("an aborted upload still counts against the quota: %d", a.StatusCode)
	}
}

// unconditional is a bucket whose server ignores conditions.
type unconditional struct{ storage.Storage }

func (unconditional) CheckReplace(context.Context) error {
	return fmt.Errorf("the bucket: %w", backend.ErrUnconditional)
}

func TestAnEdgeDoesNotUploadToAServerThatOverwrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		uploads bool
		want    error
	}{{"with uploads", true, backend.ErrUnconditional}, {"read-only", false, nil}} {
		w := startMedia(t, func(s *setup) {
			s.options.Media = &config.Media{S3: &config.S3{Bucket: "media"}, BaseURL: "/media/"}
			s.options.OpenBucket = func(_ *config.S3, limits disk.Config) (storage.Storage, error) {
				limits.Location = t.TempDir()
				s, err := disk.New(limits)
				return unconditional{s}, err
			}
			if c.uploads {
				uploadsFor(config.AccessPublic)(s)
			}
		})
		if err := w.server.now().checkFiles(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.want)
		}
	}
}

func TestGuestsUseFilesInABucket(t *testing.T) {
	guest := wasmtest.Guest(t, "edge/testdata/fileguest")
	w := startBucket(t, func(s *setup) {
		s.edge.Guest, s.edge.Limits.Deadline = guest, patience
		s.options.Media.QuotaFiles = 2
	})
	if err := w.world.server.now().checkFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := w.world.server.Host().Route(t.Context(), &edge.Request{
		Method: "GET", Scheme: "http", Host: "acme.example.com",
		Target: "/find:acme/save:d|a.txt/save:d|a.txt/read:d|a.txt/save:third/list:./url:d|a.txt/delete:d|a.txt/stat:d|a.txt/read:..|other|x",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `^/found d/a\.txt d/a_[a-zA-Z0-9]{7}\.txt by the guest errno\d+ \[d\] \[\] /media/acme/d/a\.txt deleted errno1 errno3$`
	if got := d.Tenant.Path; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("the guest did %q, expected %q", got, want)
	}
	if left := w.everything(); len(left) != 1 || !strings.HasPrefix(left[0], "acme/d/a_") {
		t.Errorf("leftover objects: %q", left)
	}
}

func TestAnApplicationCanSendAFileFromABucket(t *testing.T) {
	w := startBucket(t, serveAs(config.URLConf{Access: config.AccessPublic, Accel: &config.Accel{Prefix: "/protected/"}}), func(s *setup) {
		s.app = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Accel-Redirect", "/protected/"+strings.TrimPrefix(r.URL.Path, "/"))
		})
	})
	if _, err := w.files(storage.Tenant{Schema: "acme"}).Save(t.Context(), "d/a.txt", strings.NewReader("of acme"), 0); err != nil {
		t.Fatal(err)
	}
	if a := w.get("acme.example.com", "/d/a.txt", "Range", "bytes=3-"); a.StatusCode != 206 || a.body != "acme" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	if a := w.get("umbra.example.com", "/d/a.txt"); a.StatusCode != 404 {
		t.Errorf("another tenant's: %d %q", a.StatusCode, a.body)
	}
}

// reached pings the bucket as watchBuckets does, and returns its state.
func (b *bucketWorld) reached() *MediaReport {
	b.Helper()
	for _, st := range b.world.server.now().table.stores {
		st.ping(b.Context())
	}
	status, r := b.readyz()
	if status != 200 || !r.Ready || r.Media == nil {
		b.Fatalf("/readyz: %d, %+v", status, r)
	}
	if up := b.metric("tenantedge_bucket_reachable"); (up == "1") != (r.Media.Degraded == "") {
		b.Errorf("the metric is %v, /readyz says %q", up, r.Media.Degraded)
	}
	return r.Media
}

func TestAnUnreachableBucketIsReported_C11(t *testing.T) {
	w := startBucket(t, uploadsFor(config.AccessPublic))
	if m := w.reached(); m.Degraded != "" {
		t.Errorf("with the server: %q", m.Degraded)
	}
	w.server.Kill(t)
	if err := w.world.server.now().checkFiles(t.Context()); err != nil {
		t.Errorf("the edge does not start while the server is unreachable: %v", err)
	}
	if m := w.reached(); !strings.Contains(m.Degraded, "out of reach") {
		t.Errorf("without the server: %q", m.Degraded)
	}
	if n := len(w.logs.entries("the media bucket is unreachable; requests for its files get 502 or 503")); n != 1 {
		t.Errorf("it was logged %d times, expected once", n)
	}
	m := startMedia(t)
	if _, r := m.readyz(); r.Media != nil {
		t.Errorf("on a disk: %+v", r.Media)
	}
}

func TestASilentBucketBlocksNoRequest_G8(t *testing.T) {
	w := startBucket(t, uploadsFor(config.AccessPublic), func(s *setup) {
		s.options.Media.S3.SilenceTimeout = 300 * time.Millisecond
	})
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	if _, err := w.files(storage.Tenant{Schema: "acme"}).Save(t.Context(), "a.txt", strings.NewReader(large), 0); err != nil {
		t.Fatal(err)
	}
	const host, target = "acme.example.com", "/media/acme/a.txt"
	back := func() {
		t.Helper()
		w.network.Restore()
		w.eventually("the bucket is reachable again", func() bool { return w.reached().Degraded == "" })
		if a := w.get(host, target); a.StatusCode != 200 || a.body != large {
			t.Errorf("afterwards: %d, %d bytes", a.StatusCode, len(a.body))
		}
	}
	w.network.Limit(s3test.Unlimited, 0)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if a := w.send(method, host, target, ""); a.StatusCode != 503 {
			t.Errorf("%s: %d, expected 503", method, a.StatusCode)
		}
	}
	if m := w.reached(); !strings.Contains(m.Degraded, "silent") {
		t.Errorf("/readyz says %q of the bucket", m.Degraded)
	}
	if a := w.get(host, "/"); a.StatusCode == 503 {
		t.Errorf("a path that is not a file: %d", a.StatusCode)
	}
	back()
	w.network.Limit(s3test.Unlimited, 1<<20)
	resp, err := noRedirects.Do(w.request("GET", host, target))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n == 0 {
		t.Errorf("a truncated answer: %d bytes, %v", n, err)
	}
	back()
	w.network.Limit(1<<20, s3test.Unlimited)
	if a := w.send("PUT", host, "/media/acme/new.txt", large); a.StatusCode != 503 {
		t.Errorf("PUT: %d, expected 503", a.StatusCode)
	}
	back()
	if a := w.get(host, "/media/acme/new.txt"); a.StatusCode != 404 {
		t.Errorf("a partial upload: %d", a.StatusCode)
	}
}
