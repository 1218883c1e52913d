package main

import (
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/storage/object"
)

// openFiles opens what keeps the files of all tenants: a folder, if location
// names one or m does, or else the bucket of m.
func openFiles(location string, m *config.Media, l storage.Locator) (storage.Storage, error) {
	base := ""
	if m != nil {
		base = m.BaseURL
		if location == "" && m.S3 != nil {
			return openBucket(m.S3, disk.Config{BaseURL: base, Locator: l})
		}
		if location == "" {
			location = m.Location
		}
	}
	s, err := disk.New(disk.Config{Location: location, BaseURL: base, Locator: l})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openBucket opens a bucket, with the limits of a storage.
func openBucket(c *config.S3, limits disk.Config) (storage.Storage, error) {
	access, secret, err := c.Keys()
	if err != nil {
		return nil, err
	}
	s, err := object.New(object.Config{
		Endpoint: c.Endpoint, Region: c.Region, Bucket: c.Bucket, Prefix: c.Prefix, PathStyle: c.PathStyle,
		ConnectTimeout: c.ConnectTimeout, SilenceTimeout: c.SilenceTimeout,
		Credentials: object.Credentials{AccessKeyID: access, SecretAccessKey: secret},
		BaseURL:     limits.BaseURL, Locator: limits.Locator, MaxSize: limits.MaxSize, MaxDepth: limits.MaxDepth, Quota: limits.Quota,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}
