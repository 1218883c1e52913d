package serve

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/storage/object"
)

// OpenFiles opens the files of all tenants: the folder or the bucket of m, with
// its limits. The locator, usually an edge.Host, names the location of each
// tenant's files.
func OpenFiles(m *config.Media, l storage.Locator) (storage.Storage, error) {
	c := mediaStorage(m)
	c.Locator = l
	if m.S3 != nil {
		return openBucket(m.S3, c)
	}
	s, err := disk.New(c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openBucket opens a bucket with the limits of c.
func openBucket(b *config.S3, c disk.Config) (storage.Storage, error) {
	access, secret, err := b.Keys()
	if err != nil {
		return nil, err
	}
	s, err := object.New(object.Config{
		Endpoint: b.Endpoint, Region: b.Region, Bucket: b.Bucket, Prefix: b.Prefix, PathStyle: b.PathStyle,
		ConnectTimeout: b.ConnectTimeout, SilenceTimeout: b.SilenceTimeout,
		Credentials: object.Credentials{AccessKeyID: access, SecretAccessKey: secret},
		BaseURL:     c.BaseURL, Locator: c.Locator, MaxSize: c.MaxSize, MaxDepth: c.MaxDepth, Quota: c.Quota,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// mediaStorage returns the storage of m, without a locator. A bucket has no
// location and ignores MinFree.
func mediaStorage(m *config.Media) disk.Config {
	c := disk.Config{Location: m.Location, BaseURL: m.BaseURL, MaxSize: m.MaxFileBytes, MaxDepth: m.MaxDepth, MinFree: m.MinFree}
	if q := (storage.Quota{Bytes: m.QuotaBytes, Files: m.QuotaFiles}); q != (storage.Quota{}) {
		c.Quota = func(storage.Tenant) storage.Quota { return q }
	}
	return c
}

// Signer returns the signer of URLs with the signing_keys of file: the first
// signs, all verify.
func Signer(file *config.File) (*storage.Signer, error) {
	keys, err := signingKeys(file)
	if err != nil {
		return nil, err
	}
	s, err := storage.NewSigner(keys...)
	if err != nil {
		return nil, fmt.Errorf("signing_keys: %w", err)
	}
	return s, nil
}

func signingKeys(file *config.File) ([]storage.Key, error) {
	keys := make([]storage.Key, len(file.SigningKeys))
	for i, k := range file.SigningKeys {
		secret, err := k.Secret()
		if err != nil {
			return nil, fmt.Errorf("signing_keys: key %s: %w", k.ID, err)
		}
		keys[i] = storage.Key{ID: k.ID, Secret: secret}
	}
	return keys, nil
}
