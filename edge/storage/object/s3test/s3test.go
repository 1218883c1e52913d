// Package s3test gives tests a real S3 server: versitygw, on a free loopback
// port and a temporary folder, and gone when the test process is, however that
// ends.
//
//	server := s3test.Start(t)            // one server for all tests of the process
//	bucket := server.NewBucket(t)        // empty, of the test's own
//	files, err := object.New(object.Config{Endpoint: server.URL(), Bucket: bucket, Region: s3test.Region, Credentials: …})
//
// The server is a Go module. It is built by the first test that needs it, into
// the user's cache folder, by the version that is named here; `make test`
// does so too.
package s3test

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	module  = "github.com/versity/versitygw"
	version = "v1.8.0"

	// AccessKey and SecretKey are those of the server's only user.
	AccessKey = "tenantedge-tests"
	SecretKey = "a secret of tests alone"
	// Region is the server's.
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

// Start returns the server that all tests of this process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Must(tb, shared)
}

// StartOwn returns a server of the test's own, which it may kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Own(tb, newServer)
}

// URL is the server's.
func (s *Server) URL() string { return "http://127.0.0.1:" + strconv.Itoa(s.Port()) }

// Client of the server, to look at what is there and to do as others do.
func (s *Server) Client() *minio.Client { return s.client }

// NewBucket returns a bucket that no other test has.
func (s *Server) NewBucket(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test-%d", buckets.Add(1))
	if err := s.client.MakeBucket(tb.Context(), name, minio.MakeBucketOptions{Region: Region}); err != nil {
		tb.Fatal(err)
	}
	return name
}

func newServer() (*Server, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	run := testserver.Config{
		Name: "s3test",
		Prepare: func(s *testserver.Server) error {
			if os.Getuid() == 0 { // whose cache folder is nobody else's business
				if program, err = copied(program, filepath.Join(s.Dir(), "versitygw")); err != nil {
					return err
				}
			}
			return s.Command("mkdir", "files", "metadata").Run() // as the user who is to write there
		},
		Command: func(s *testserver.Server) *exec.Cmd {
			// Metadata lies beside the files: not all file systems have room for it in a file.
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

func copied(program, to string) (string, error) {
	content, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("s3test: %w", err)
	}
	return to, nil
}
