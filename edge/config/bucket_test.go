package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestABucketAndItsKeys(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "secret"), []byte("s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MEDIA_KEY", "key")
	f, err := Parse(filepath.Join(folder, "tenantedge.yaml"), []byte(`
media: {s3: {endpoint: "https://s3.example.com:9000/", region: r, bucket: media, prefix: a/b, path_style: true, connect_timeout: 2s, silence_timeout: 7s, access_key_env: MEDIA_KEY, secret_key_file: secret}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &S3{
		Endpoint: "https://s3.example.com:9000/", Region: "r", Bucket: "media", Prefix: "a/b", PathStyle: true, ConnectTimeout: 2 * time.Second, SilenceTimeout: 7 * time.Second,
		AccessKeyEnv: "MEDIA_KEY", SecretKeyFile: filepath.Join(folder, "secret"),
	}
	if !reflect.DeepEqual(f.Media.S3, want) || f.Media.Location != "" {
		t.Errorf("%+v, expected %+v", f.Media.S3, want)
	}
	if access, secret, err := want.Keys(); access != "key" || secret != "s3cr3t" || err != nil {
		t.Errorf("%q %q, %v", access, secret, err)
	}
	t.Setenv("MEDIA_KEY", "")
	if _, secret, err := want.Keys(); err == nil || secret != "" || !strings.Contains(err.Error(), "MEDIA_KEY") {
		t.Errorf("%q, %v, expected an error that names the variable", secret, err)
	}
	if access, secret, err := new(S3).Keys(); access+secret != "" || err != nil {
		t.Errorf("%q %q, %v, expected none", access, secret, err)
	}
}
