//go:build unix

package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/object"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

func TestMediaInABucketAreServedAsThoseOnADisk(t *testing.T) {
	bucketServer := s3test.StartOwn(t)
	bucket := bucketServer.NewBucket(t)
	open := func(m *config.Media, l storage.Locator) (storage.Backend, error) {
		return object.New(object.Config{Endpoint: bucketServer.URL(), Bucket: bucket,
			Credentials: object.Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey}, BaseURL: m.BaseURL, Locator: l,
		})
	}
	w := startMedia(t, func(s *setup) {
		s.options.Media = &config.Media{S3: &config.S3{Bucket: bucket}, BaseURL: "/media/", ActiveContent: "attachment", Precompressed: true}
		s.options.OpenBucket = open
	})
	own, err := open(&config.Media{BaseURL: "/media/"}, w.server.Host())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for _, tenant := range []storage.Tenant{{Schema: "acme"}, {Schema: "umbra", Pathname: "other", HasPathname: true}} {
		f, err := own.Files(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.txt", "d/b.txt", "x.html"} {
			if _, err := f.Save(t.Context(), name, strings.NewReader("of "+tenant.Schema), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
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
		if a := w.get(c.host, c.target, c.headers...); a.StatusCode != c.status || a.body != c.body {
			t.Errorf("%s%s %q: %d %q, expected %d %q", c.host, c.target, c.headers, a.StatusCode, a.body, c.status, c.body)
		}
	}
	if a := w.get("acme.example.com", "/media/acme/x.html"); a.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a page that was uploaded: %v", a.Header)
	}
	if a := w.do(w.request(http.MethodHead, "acme.example.com", "/media/acme/a.txt")); a.StatusCode != 200 || a.ContentLength != 7 || tag == "" {
		t.Errorf("HEAD: %d, length %d, tag %q", a.StatusCode, a.ContentLength, tag)
	}
	bucketServer.Kill(t)
	if a := w.get("acme.example.com", "/media/acme/a.txt"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("without the bucket's server: %d %q, expected no 404 for a file that is there", a.StatusCode, a.body)
	}
}
