//go:build unix

// Package s3test gives tests a real S3 server: versitygw, on a free loopback
// port and a temporary folder, and gone when the test process is, however that
// ends.
//
//	server := s3test.Start(t)            // one server for all tests of the process
//	bucket := server.NewBucket(t)        // empty, of the test's own
//	files, err := object.New(object.Config{Endpoint: server.URL(), Bucket: bucket, Credentials: s3test.Credentials()})
//
// The server is a Go module. It is built by the first test that needs it, into
// the user's cache folder, by the version that is named here; `make test`
// does so too.
package s3test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/tenantedge/tenantedge/internal/freeport"
)

const (
	module  = "github.com/versity/versitygw"
	version = "v1.8.0"

	// AccessKey and SecretKey are those of the server's only user.
	AccessKey = "tenantedge-tests"
	SecretKey = "a secret of tests alone"
	// Region is the server's.
	Region = "us-east-1"

	// nobody is the user that a server started by root runs as.
	nobody = 65534
	// patience is how long a server may take to start or stop on a busy machine.
	patience = 60 * time.Second
)

// Server is a running S3 server.
type Server struct {
	port    int
	client  *minio.Client
	process *exec.Cmd
	pipe    io.Closer     // ends the server and removes its folder when closed
	exited  chan struct{} // closed when process has ended
	log     output
}

var (
	shared  = sync.OnceValues(newServer)
	buckets atomic.Int64
)

// Start returns the server that all tests of this process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// StartOwn returns a server of the test's own, which it may kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	s, err := newServer()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Kill(tb) })
	return s
}

// URL is the server's.
func (s *Server) URL() string { return "http://127.0.0.1:" + strconv.Itoa(s.port) }

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

// Kill ends the server as a crash does.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	_ = s.pipe.Close() // it may be closed
	select {
	case <-s.exited:
	case <-time.After(patience):
		tb.Fatalf("s3test: the server still runs after %v", patience)
	}
}

func newServer() (*Server, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	for range 3 { // another process may take the port between asking and using
		var s *Server
		if s, err = start(program); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// guard runs the server in a folder of its own. When its input ends, which is
// when the test process does, it kills the server and removes the folder. It is
// quiet by then: who listened is gone.
const guard = `dir=$1; shift
"$@" </dev/null &
server=$!
exec 3<&0
(cat <&3; kill -9 $server) >/dev/null 2>&1 &
watch=$!
exec 3<&- </dev/null >/dev/null 2>&1
wait $server
kill $watch
rm -rf "$dir"`

func start(program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "tenantedge-s3-")
	if err != nil {
		return nil, fmt.Errorf("s3test: %w", err)
	}
	s := &Server{exited: make(chan struct{})}
	if s.port, err = freeport.Find(); err != nil {
		return nil, err
	}
	for _, folder := range []string{dir, filepath.Join(dir, "files"), filepath.Join(dir, "metadata")} {
		err = errors.Join(err, os.MkdirAll(folder, 0o700))
		if os.Getuid() == 0 {
			err = errors.Join(err, os.Chown(folder, nobody, nobody))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("s3test: %w", err)
	}
	if os.Getuid() == 0 { // whose cache folder is nobody else's business
		if program, err = copied(program, filepath.Join(dir, "versitygw")); err != nil {
			return nil, err
		}
	}
	// Metadata lies beside the files: not all file systems have room for it in a file.
	c := exec.Command("/bin/sh", "-c", guard, "s3test-guard", dir, program, "--port", "127.0.0.1:"+strconv.Itoa(s.port),
		"--region", Region, "--quiet", "posix", "--sidecar", filepath.Join(dir, "metadata"), filepath.Join(dir, "files"))
	c.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+AccessKey, "ROOT_SECRET_ACCESS_KEY="+SecretKey)
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt of the tests is not meant for it
	if os.Getuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}
	}
	c.Stdout, c.Stderr = &s.log, &s.log
	if s.pipe, err = c.StdinPipe(); err != nil {
		return nil, fmt.Errorf("s3test: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("s3test: %w", err)
	}
	s.process = c
	go func() {
		_ = c.Wait() // how it ended is in its log
		close(s.exited)
	}()
	if s.client, err = minio.New("127.0.0.1:"+strconv.Itoa(s.port), &minio.Options{
		Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: Region, MaxRetries: 1,
	}); err != nil {
		return nil, errors.Join(err, s.pipe.Close())
	}
	if err := s.wait(); err != nil {
		return nil, errors.Join(err, s.pipe.Close())
	}
	return s, nil
}

// wait returns when the server takes connections.
func (s *Server) wait() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.port)); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("s3test: the server ended at start:\n%s", s.log.String())
		case <-late:
			return fmt.Errorf("s3test: the server is not ready after %v:\n%s", patience, s.log.String())
		}
	}
}

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

// output is what the server writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
