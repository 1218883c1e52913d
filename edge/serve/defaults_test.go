package serve

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage/object"
)

// Package config takes most defaults from the packages that they belong to. It
// repeats those of the clients of Redis and S3, which its users need not link.
func TestDefaultsOfTheFileAreThoseOfThePackages(t *testing.T) {
	f, err := config.Parse("defaults.yaml", []byte(`
channels: {redis: {hosts: ["redis://127.0.0.1"]}}
media: {s3: {bucket: files, endpoint: "http://127.0.0.1:9000"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	c := f.Channels.Redis
	var layer redis.Config
	layer.SetDefaults()
	found := redis.Config{Prefix: c.Prefix, Expiry: c.Expiry, GroupExpiry: c.GroupExpiry, Capacity: c.Capacity, RandomPrefix: c.RandomPrefix}
	if found.Prefix != layer.Prefix || found.Expiry != layer.Expiry || found.GroupExpiry != layer.GroupExpiry ||
		found.Capacity != layer.Capacity || found.RandomPrefix != layer.RandomPrefix {
		t.Errorf("channels.redis: the file has %+v, package redis %+v", found, layer)
	}
	var bucket object.Config
	bucket.SetDefaults()
	if s3 := f.Media.S3; s3.ConnectTimeout != bucket.ConnectTimeout || s3.SilenceTimeout != bucket.SilenceTimeout {
		t.Errorf("media.s3: the file has %v and %v, package object %v and %v", s3.ConnectTimeout, s3.SilenceTimeout, bucket.ConnectTimeout, bucket.SilenceTimeout)
	}
}
