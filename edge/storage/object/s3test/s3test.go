// Package s3test starts a real S3 server for tests: versitygw, on a free loopback
// port, with a temporary folder. It stops when the test process ends, however that
// ends.
//
//	server := s3test.Start(t)            // one server for all tests of the process
//	bucket := server.NewBucket(t)        // a new empty bucket
//	files, err := object.New(object.Config{Endpoint: server.URL(), Bucket: bucket, Region: s3test.Region, Credentials: …})
//
// The server is a Go module of a fixed version. The first test that needs it builds
// it into the user's cache folder; .ci/s3.sh does so before the tests run.
package s3test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

const (
	program = "github.com/versity/versitygw/cmd/versitygw"
	version = "v1.8.0"

	// AccessKey and SecretKey are the credentials of the server's only user.
	AccessKey = "tenantedge-tests"
	SecretKey = "a secret of tests only"
	// Region is the server's region.
	Region = "us-east-1"
)

// Server is a running S3 server.
type Server struct {
	*testserver.Server
	client *minio.Client
}

var (
	shared  = sync.OnceValues(newServer)
	buckets atomic.Int64
)

// Start returns the server that all tests of the process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Must(tb, shared)
}

// StartOwn returns a new server, which the test may kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Own(tb, newServer)
}

// URL returns the server's URL.
func (s *Server) URL() string { return "http://127.0.0.1:" + strconv.Itoa(s.Port()) }

// Client returns a client of the server, to examine it and to act as other
// programs.
func (s *Server) Client() *minio.Client { return s.client }

// NewBucket creates a bucket and returns its name.
func (s *Server) NewBucket(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test-%d", buckets.Add(1))
	if err := s.client.MakeBucket(tb.Context(), name, minio.MakeBucketOptions{Region: Region}); err != nil {
		tb.Fatal(err)
	}
	return name
}

// Program returns the path of the server's program. It builds the program if this
// version is not in the cache.
func Program() (string, error) { return testserver.Built("s3test", program, version) }

func newServer() (*Server, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	run := testserver.Config{
		Name: "s3test",
		Prepare: func(s *testserver.Server) error {
			if program, err = s.Readable(program); err != nil {
				return err
			}
			return s.Command("mkdir", "files", "metadata").Run() // as the user who will write there
		},
		Command: func(s *testserver.Server) *exec.Cmd {
			// Metadata is beside the files: not all file systems have extended attributes.
			c := s.Command(program, "--port", address(s), "--region", Region, "--quiet", "posix",
				"--sidecar", filepath.Join(s.Dir(), "metadata"), filepath.Join(s.Dir(), "files"))
			c.Env = append(c.Env, "ROOT_ACCESS_KEY_ID="+AccessKey, "ROOT_SECRET_ACCESS_KEY="+SecretKey)
			return c
		},
		Ready: func(s *testserver.Server, _ string) bool {
			c, err := net.Dial("tcp", address(s))
			return err == nil && c.Close() == nil
		},
	}
	s, err := testserver.Start(run)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(address(s), &minio.Options{
		Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: Region, MaxRetries: 1,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Server{s, client}, nil
}

func address(s *testserver.Server) string { return "127.0.0.1:" + strconv.Itoa(s.Port()) }
