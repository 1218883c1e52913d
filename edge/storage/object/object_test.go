//go:build unix

package object

import (
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
	"github.com/tenantedge/tenantedge/edge/storage/storagetest"
)

// bucket returns the configuration for a new bucket.
func bucket(t testing.TB) Config {
	t.Helper()
	server := s3test.Start(t)
	return Config{
		Endpoint: server.URL(), Region: s3test.Region, Bucket: server.NewBucket(t), Prefix: "media/files", BaseURL: "/media/", PartSize: minPartSize,
		Credentials: Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey},
	}
}

// unchunked creates an object as other programs do. The content is not sent in
// chunks, since the server may answer before it has read all of them.
var unchunked = minio.PutObjectOptions{DisableContentSha256: true}

func newStorage(t testing.TB, c Config) *Storage {
	t.Helper()
	s, err := New(c)
	must(t, err)
	s.copySize = minPartSize // large files take several copies
	t.Cleanup(func() { s.Close() })
	return s
}

func newView(t testing.TB, c Config) *View {
	t.Helper()
	v, err := newStorage(t, c).For(t.Context(), storage.Tenant{Schema: "t1"})
	must(t, err)
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leftovers returns incomplete uploads and objects that no tenant can see.
func leftovers(t testing.TB, c Config) (found []string) {
	t.Helper()
	client := s3test.Start(t).Client()
	for o := range client.ListObjectsIter(t.Context(), c.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, o.Err)
		if !strings.HasPrefix(o.Key, c.Prefix+"/") || backend.Reserved(o.Key) || strings.HasSuffix(o.Key, "/") {
			found = append(found, o.Key)
		}
	}
	for u := range client.ListIncompleteUploads(t.Context(), c.Bucket, "", true) {
		must(t, u.Err)
		found = append(found, u.Key+" "+u.UploadID)
	}
	return found
}

func TestABucketIsABackend(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Backend {
		config := bucket(t)
		return storagetest.Backend{
			Large: minPartSize, NoFolders: true,
			Open: func(t *testing.T, c storagetest.Config) storage.Storage {
				config := config
				config.BaseURL, config.Locator, config.MaxSize, config.Quota = c.BaseURL, c.Locator, c.MaxSize, c.Quota
				return newStorage(t, config)
			},
			Leftovers: func(t *testing.T) []string { return leftovers(t, config) },
		}
	})
}

func TestAServerIsChecked(t *testing.T) {
	c := bucket(t)
	must(t, newStorage(t, c).Check(t.Context()))
	if found := leftovers(t, c); found != nil {
		t.Errorf("remaining: %q", found)
	}
}

func django(v *View) storage.Django { return storage.Django{View: v} }
