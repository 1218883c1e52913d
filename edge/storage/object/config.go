package object

import (
	"cmp"
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
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Config configures a Storage. Only Bucket is required.
type Config struct {
	// Endpoint is the URL of the server, such as "https://s3.example.com". Empty:
	// AWS in the region.
	Endpoint string
	// Region is the bucket's region. Empty: ask the server.
	Region string
	// Bucket is the name of an existing bucket.
	Bucket string
	// Prefix is above all tenants' files in the bucket, such as "media".
	Prefix string
	// PathStyle puts the bucket into the path of requests instead of the host. It
	// is the default for all servers but AWS.
	PathStyle bool
	// Credentials for the server. The zero value: from the environment
	// (AWS_ACCESS_KEY_ID …, MINIO_ACCESS_KEY …), the shared credentials file
	// (AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials), or the machine's IAM role,
	// in this order.
	Credentials Credentials
	// Transport sends requests to the server. Nil: a transport with the two
	// timeouts below.
	Transport http.RoundTripper
	// ConnectTimeout bounds connecting to the server; default 5 seconds.
	// SilenceTimeout bounds how long the server may send or accept nothing during a
	// request; default 30 seconds.
	ConnectTimeout, SilenceTimeout time.Duration
	// Retries is how often a request is tried that fails without an answer; default
	// 4.
	Retries int

	// BaseURL is the URL above all tenants' files, such as "/media/". Empty: files
	// have only presigned URLs.
	BaseURL string
	// Locator decides the prefix of a tenant's files. Nil: the default guest's
	// logic, run natively.
	Locator storage.Locator
	// MaxSize is the maximum size of a saved file, in bytes. 0: 10,000 times
	// PartSize, 78 GiB by default.
	MaxSize int64
	// MaxDepth is how many folders a new file may be below. 0: no limit.
	MaxDepth int
	// Quota returns what a tenant may keep. Nil: no tenant has a quota. It is called
	// for each saved file, so it should not query anything.
	Quota func(storage.Tenant) storage.Quota
	// PartSize is the size of the parts in which larger files are uploaded, and the
	// memory that each save takes; default 8 MiB, minimum 5 MiB.
	PartSize int64
}

// Credentials authenticate to the server. Never log them.
type Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

const (
	minPartSize = 5 << 20
	maxParts    = 10_000
	longestKey  = 1024
)

// SetDefaults sets the zero fields that have a fixed default to it.
func (c *Config) SetDefaults() {
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.SilenceTimeout = cmp.Or(c.SilenceTimeout, 30*time.Second)
	c.Retries = cmp.Or(c.Retries, 4)
	c.PartSize = cmp.Or(c.PartSize, 8<<20)
}

// check validates c and sets defaults.
func (c *Config) check() error {
	if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
		return fmt.Errorf("object: bucket %q: %w", c.Bucket, err)
	}
	if c.Prefix = strings.Trim(c.Prefix, "/"); c.Prefix != "" && (!fs.ValidPath(c.Prefix) || c.Prefix == "." || backend.Reserved(c.Prefix) || strings.ContainsAny(c.Prefix, "\\\x00")) {
		return fmt.Errorf("object: prefix: expected one such as media, found %q", c.Prefix)
	}
	c.SetDefaults()
	if c.PartSize < minPartSize {
		return fmt.Errorf("object: part size: expected %d bytes or more, found %d", minPartSize, c.PartSize)
	}
	if most := c.PartSize * maxParts; c.MaxSize <= 0 {
		c.MaxSize = most
	} else if c.MaxSize > most {
		return fmt.Errorf("object: part size: expected %d bytes or more for files of %d, found %d", (c.MaxSize+maxParts-1)/maxParts, c.MaxSize, c.PartSize)
	}
	if (c.Credentials.AccessKeyID == "") != (c.Credentials.SecretAccessKey == "") {
		return errors.New("object: credentials: expected an access key and its secret, found one of them")
	}
	return nil
}

// client returns a client of the server.
func (c *Config) client() (*minio.Client, error) {
	host, secure := "s3.amazonaws.com", true
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			// The URL is not quoted: it may contain a password.
			return nil, errors.New("object: endpoint: expected a URL with only scheme, host and port, such as https://s3.example.com")
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
