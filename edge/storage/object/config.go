package object

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Config says where files are and how they are kept. Only Bucket is needed.
type Config struct {
	// Endpoint is the server, such as "https://s3.example.com". Empty: that of
	// AWS for the region.
	Endpoint string
	// Region is the bucket's. Empty: the server is asked.
	Region string
	// Bucket must exist.
	Bucket string
	// Prefix is above all tenants' files in the bucket, such as "media".
	Prefix string
	// PathStyle puts the bucket into the path of requests, where the server has
	// no host of that name. By default AWS gets the host, all others the path.
	PathStyle bool
	// Credentials for the server. The zero value: those of the environment
	// (AWS_ACCESS_KEY_ID …, MINIO_ACCESS_KEY …), else of the file of shared
	// credentials (AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials), else of the
	// machine that this runs on.
	Credentials Credentials
	// Transport is for requests to the server. Nil: one of this storage's own.
	Transport http.RoundTripper
	// ConnectTimeout is how long connecting to the server may take, by default 5
	// seconds. SilenceTimeout is how long it may be silent, before its answer, in
	// the middle of one, or while it takes content, by default 30 seconds. Both are
	// for the storage's own transport.
	ConnectTimeout, SilenceTimeout time.Duration
	// Retries is how often a request that failed on its way is tried, by default
	// four times.
	Retries int

	// BaseURL is the URL above all tenants' files, such as "/media/". Empty:
	// files have no URL, save those that are presigned.
	BaseURL string
	// Locator says which prefix is a tenant's. Nil: what the default guest says,
	// asked natively.
	Locator storage.Locator
	// MaxSize is the most bytes that one saved file may have. 0: as many as
	// 10,000 parts hold, 78 GiB by default.
	MaxSize int64
	// MaxDepth is how many folders a new file may be below, as on a disk. 0: no
	// limit.
	MaxDepth int
	// Quota says what a tenant may keep. Nil: all that there is room for. It is
	// asked for each file that is saved, so it should know the answer.
	Quota func(storage.Tenant) storage.Quota
	// PartSize is how much of a file is sent at once, and held in memory for
	// each that is being saved: 8 MiB by default, 5 MiB or more. What is larger
	// is saved in parts.
	PartSize int64
}

// Credentials are a key of the server's. Never log them.
type Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

const (
	defaultRetries  = 4
	defaultPartSize = 8 << 20
	leastPartSize   = 5 << 20
	mostParts       = 10_000
	longestKey      = 1024
)

// check fills in what is left out.
func (c *Config) check() error {
	if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
		return fmt.Errorf("object: bucket %q: %w", c.Bucket, err)
	}
	if c.Prefix = strings.Trim(c.Prefix, "/"); c.Prefix != "" && (!fs.ValidPath(c.Prefix) || c.Prefix == "." || storage.Reserved(c.Prefix) || strings.ContainsAny(c.Prefix, "\\\x00")) {
		return fmt.Errorf("object: prefix: expected one such as media, found %q", c.Prefix)
	}
	if c.PartSize == 0 {
		c.PartSize = defaultPartSize
	}
	if c.PartSize < leastPartSize {
		return fmt.Errorf("object: part size: expected %d bytes or more, found %d", leastPartSize, c.PartSize)
	}
	if most := c.PartSize * mostParts; c.MaxSize <= 0 {
		c.MaxSize = most
	} else if c.MaxSize > most {
		return fmt.Errorf("object: part size: expected %d bytes or more for files of %d, found %d", (c.MaxSize+mostParts-1)/mostParts, c.MaxSize, c.PartSize)
	}
	if c.Retries == 0 {
		c.Retries = defaultRetries
	}
	if (c.Credentials.AccessKeyID == "") != (c.Credentials.SecretAccessKey == "") {
		return errors.New("object: credentials: expected an access key and its secret, found one of them")
	}
	return nil
}

// client is that of the server which c names.
func (c *Config) client() (*minio.Client, error) {
	host, secure := "s3.amazonaws.com", true
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			// What was found is not told: it may have a password in it.
			return nil, errors.New("object: endpoint: expected a URL of scheme, host and port alone, such as https://s3.example.com")
		}
		host, secure = u.Host, u.Scheme == "https"
	} else if c.Region != "" {
		host = "s3." + c.Region + ".amazonaws.com"
	}
	o := &minio.Options{Secure: secure, Region: c.Region, Transport: c.Transport, MaxRetries: c.Retries, Creds: c.Credentials.provider()}
	if c.PathStyle {
		o.BucketLookup = minio.BucketLookupPath
	}
	client, err := minio.New(host, o)
	if err != nil {
		return nil, fmt.Errorf("object: endpoint: %w", err)
	}
	return client, nil
}

func (c *Credentials) provider() *credentials.Credentials {
	if c.AccessKeyID != "" {
		return credentials.NewStaticV4(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}
