//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

func TestFilesOfATenantInABucket(t *testing.T) {
	server := s3test.Start(t)
	t.Setenv("MEDIA_ACCESS_KEY", s3test.AccessKey)
	t.Setenv("MEDIA_SECRET_KEY", s3test.SecretKey)
	media := func(bucket string) string {
		return writeFile(t, "edge.yaml", acme+fmt.Sprintf(`
media: {s3: {endpoint: %q, region: %s, bucket: %s, prefix: media, access_key_env: MEDIA_ACCESS_KEY, secret_key_env: MEDIA_SECRET_KEY}}
`, server.URL(), s3test.Region, bucket))
	}
	config := media(server.NewBucket(t))
	do := func(stdin, want string, args ...string) {
		t.Helper()
		code, stdout, stderr := command(stdin, append([]string{"files", "-c", config}, args...)...)
		if code != exitOK || !regexp.MustCompile("^"+want+"$").MatchString(stdout) {
			t.Errorf("%q: exit %d %s\n%q, expected %q", args, code, stderr, stdout, want)
		}
	}
	do("", "", "-t", "acme", "ls")
	do("piped", "d/x\\.txt\n", "-t", "acme", "put", "-", "d/x.txt")
	do("another", "d/x_[a-zA-Z0-9]{7}\\.txt\n", "-t", "7", "put", "-", "d/x.txt")
	do("", "piped", "-t", "acme", "get", "d/x.txt")
	do("", " +d/\n", "-t", "acme", "ls")
	do("", "5 +20..-..-.. ..:..:..  x\\.txt\n7 .*  x_.*\\.txt\n", "-t", "acme", "ls", "d")
	large := writeFile(t, "large", strings.Repeat("0123456789abcdef", 1<<20))
	do("", "large\n", "-t", "acme", "put", large)
	copied := filepath.Join(t.TempDir(), "copy")
	do("", "", "-t", "acme", "get", "large", copied)
	if got, err := os.ReadFile(copied); len(got) != 16<<20 || !strings.HasSuffix(string(got), "0123456789abcdef") || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	do("", "", "-t", "acme", "rm", "d/x.txt", "large", "missing")
	do("", "", "-t", "www", "ls")
	location := t.TempDir()
	do("x", "x\n", "-t", "acme", "-l", location, "put", "-", "x")
	if _, err := os.Stat(filepath.Join(location, "acme-files", "x")); err != nil {
		t.Errorf("%v: expected --location to take precedence over the bucket", err)
	}
	for want, args := range map[string][]string{
		"suspicious":          {"-c", config, "get", "../www/x"},
		"does not exist":      {"-c", config, "get", "d/x.txt"},
		"directory not empty": {"-c", config, "rm", "d"},
		`a bucket "another"`:  {"-c", media("another"), "put", large},
	} {
		code, stdout, stderr := command("", append([]string{"files", "-t", "acme"}, args...)...)
		if code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d %s%s, expected %q", args, code, stdout, stderr, want)
		}
	}
	t.Setenv("MEDIA_SECRET_KEY", "")
	if code, _, stderr := command("", "files", "-t", "acme", "-c", config, "ls"); code == exitOK || !strings.Contains(stderr, "MEDIA_SECRET_KEY") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

func TestABucketHasTheLimitsOfMedia(t *testing.T) {
	server := s3test.Start(t)
	t.Setenv("MEDIA_ACCESS_KEY", s3test.AccessKey)
	t.Setenv("MEDIA_SECRET_KEY", s3test.SecretKey)
	opened, err := serve.OpenFiles(&config.Media{S3: &config.S3{
		Endpoint: server.URL(), Region: s3test.Region, Bucket: server.NewBucket(t), AccessKeyEnv: "MEDIA_ACCESS_KEY", SecretKeyEnv: "MEDIA_SECRET_KEY",
	}, BaseURL: "/media/", MaxFileBytes: 3, QuotaFiles: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	files, err := opened.View(t.Context(), storage.Tenant{Schema: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, c := range []struct {
		content string
		want    error
	}{{"1234", storage.ErrTooLarge}, {"123", nil}, {"", storage.ErrQuota}} {
		if _, err := files.Save(t.Context(), "a", strings.NewReader(c.content), 0); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, expected %v", c.content, err, c.want)
		}
	}
	if url, err := backend.ExtrasOf(files).Linker.URL(t.Context(), "a"); url != "/media/acme/a" || err != nil {
		t.Errorf("%q, %v", url, err)
	}
}
