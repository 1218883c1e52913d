package config

import (
	"net/url"
	"strings"
	"time"
)

// S3 is a bucket with the files of tenants, on a server that supports S3.
type S3 struct {
	// Endpoint is a URL with a scheme, a host and optionally a port; empty: AWS.
	Endpoint string `key:"endpoint,nonempty"`
	Region   string `key:"region,nonempty"`
	Bucket   string `key:"bucket,required,nonempty"`
	// Prefix begins the key of every object.
	Prefix string `key:"prefix,nonempty"`
	// PathStyle puts the bucket into the path of requests instead of the host.
	PathStyle bool `key:"path_style"`

	// ConnectTimeout limits connecting, SilenceTimeout the time in which the server
	// neither sends nor accepts anything. 0: the defaults of package object.
	ConnectTimeout time.Duration `key:"connect_timeout"`
	SilenceTimeout time.Duration `key:"silence_timeout"`

	AccessKeyEnv  string `key:"access_key_env,env"`
	AccessKeyFile string `key:"access_key_file,path"`
	SecretKeyEnv  string `key:"secret_key_env,env"`
	SecretKeyFile string `key:"secret_key_file,path"`
}

func (s *S3) decode(v value) {
	*s = S3{ConnectTimeout: 5 * time.Second, SilenceTimeout: 30 * time.Second}
	found := v.object(s)
	v.atMostOne(found, "access_key_env", "access_key_file")
	v.atMostOne(found, "secret_key_env", "secret_key_file")
	if (s.AccessKeyEnv+s.AccessKeyFile == "") != (s.SecretKeyEnv+s.SecretKeyFile == "") {
		v.fail("expected both an access key and a secret key, or neither to use those of the environment or the machine, found only one; add the other")
	}
	if at, ok := found["endpoint"]; ok && at.n.kind == kindString && s.Endpoint != "" && !isOrigin(s.Endpoint) {
		// The error omits the URL, which may contain a password.
		at.fail("expected a URL with only a scheme, host and port, such as \"https://s3.example.com\", found another URL; correct it")
	}
}

// isOrigin reports whether text is a URL with only a scheme, a host and a port.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// Keys reads the access key and the secret key. Both are empty if the file names
// none. Never log them.
func (s *S3) Keys() (access, secret string, err error) {
	if s.AccessKeyEnv+s.AccessKeyFile == "" {
		return "", "", nil
	}
	if access, err = readSecret(s.AccessKeyEnv, s.AccessKeyFile); err != nil {
		return "", "", err
	}
	if secret, err = readSecret(s.SecretKeyEnv, s.SecretKeyFile); err != nil {
		return "", "", err
	}
	return access, secret, nil
}
