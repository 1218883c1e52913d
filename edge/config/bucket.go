package config

import (
	"net/url"
	"strings"
	"time"
)

// S3 is a bucket that files are kept in, of a server that speaks S3.
type S3 struct {
	// Endpoint is a URL of scheme and host; empty: that of AWS.
	Endpoint string `key:"endpoint,nonempty"`
	Region   string `key:"region,nonempty"`
	Bucket   string `key:"bucket,required,nonempty"`
	// Prefix is above all tenants' files in the bucket.
	Prefix string `key:"prefix,nonempty"`
	// PathStyle asks for the bucket by path where the server has no host of that
	// name.
	PathStyle bool `key:"path_style"`

	// ConnectTimeout is how long connecting may take, SilenceTimeout how long the
	// server may take or send nothing. 0: those of package object.
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
		v.fail("expected both an access key and a secret key, or neither for those of the environment or the machine, found one; add the other")
	}
	if at, ok := found["endpoint"]; ok && at.n.kind == kindString && s.Endpoint != "" && !isOrigin(s.Endpoint) {
		// What was found is not told: it may have a password in it.
		at.fail("expected a URL of scheme, host and port alone, such as \"https://s3.example.com\"; correct it")
	}
}

// isOrigin reports whether a URL says where a server is, and nothing more.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// Keys reads the access key and the secret key; both are empty where the file
// names none. Never log them.
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
