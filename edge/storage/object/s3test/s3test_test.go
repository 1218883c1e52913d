//go:build unix

package s3test

import (
	"io"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// TestProgramIsBuilt builds the server. .ci/s3.sh runs it first, so that no other
// test has to wait.
func TestProgramIsBuilt(t *testing.T) {
	program, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(program)
}

func TestAServerKeepsAnObjectUntilItIsKilled(t *testing.T) {
	s := StartOwn(t)
	bucket := s.NewBucket(t)
	if _, err := s.Client().PutObject(t.Context(), bucket, "a", strings.NewReader("x"), 1, minio.PutObjectOptions{DisableContentSha256: true}); err != nil {
		t.Fatal(err)
	}
	o, err := s.Client().GetObject(t.Context(), bucket, "a", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); string(got) != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	s.Kill(t)
	if exists, err := s.Client().BucketExists(t.Context(), bucket); err == nil {
		t.Errorf("a killed server answers %v", exists)
	}
}
