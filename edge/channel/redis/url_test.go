package redis

import (
	"net/url"
	"strings"
	"testing"
)

// URLs mean the same as in redis-py, so that both can share a setting.
func TestURLsAreReadAsRedisPyReadsThem_E2(t *testing.T) {
	for _, c := range []struct {
		url, addr, user, password string
		db                        int
	}{
		{"redis://127.0.0.1:6379/0", "127.0.0.1:6379", "", "", 0},
		{"redis://127.0.0.1", "127.0.0.1:6379", "", "", 0},
		{"redis://[::1]:6380/3", "[::1]:6380", "", "", 3},
		{"redis://h:1?db=2", "h:1", "", "", 2},
		{"redis://u:p@h:1/2", "h:1", "u", "p", 2},
		{"redis://u@h:1", "h:1", "u", "", 0},
		{"redis://:p%40ss%2Fw@h:1", "h:1", "", "p@ss/w", 0},
		{"redis://:p@ss@h:1", "h:1", "", "p@ss", 0},
		{"redis://:a%zz^{|}<>\"` é%@h:1", "h:1", "", "a%zz^{|}<>\"` é%", 0},
		{"redis://:a:b:c@h:1", "h:1", "", "a:b:c", 0},
		{"redis://h:1?username=u&password=p%26q", "h:1", "u", "p&q", 0},
		{"redis://h:1?socket_timeout=5&socket_connect_timeout=1.5&health_check_interval=30&retry_on_timeout=True&decode_responses=1", "h:1", "", "", 0},
		{"rediss://h:1/4?ssl_cert_reqs=none&socket_timeout=5", "h:1", "", "", 4},
		{"unix:///run/redis.sock?db=1", "/run/redis.sock", "", "", 1},
		{"unix://u:p@/run/redis.sock", "/run/redis.sock", "u", "p", 0},
	} {
		o, err := parseURL(c.url, nil)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if o.Addr != c.addr || o.Username != c.user || o.Password != c.password || o.DB != c.db {
			t.Errorf("%s: found %q %q %q %d", c.url, o.Addr, o.Username, o.Password, o.DB)
		}
		if tls := strings.HasPrefix(c.url, "rediss"); tls != (o.TLSConfig != nil) || tls && o.TLSConfig.ServerName != "h" {
			t.Errorf("%s: TLS is %+v", c.url, o.TLSConfig)
		}
	}
}

func TestTheErrorOfAnInvalidURLHasTheReason_E2(t *testing.T) {
	for u, want := range map[string]string{
		"127.0.0.1:6379":                            "expected redis://",
		"http://127.0.0.1":                          "expected redis://",
		"redis://:hunter2#x@h:1":                    "%23",
		"redis://:hunter2?x@h:1":                    "%3F",
		"redis://:hunter2/x@h:1":                    "%2F",
		"redis://h:hunter2":                         "host:port",
		"redis://h:1/hunter2":                       "number of a database",
		"redis://h:1/1/2":                           "number of a database",
		"redis://h:1?qqq=hunter2":                   "qqq",
		"redis://h:1?db=hunter2":                    "values",
		"redis://h:1?pool_size=hunter2":             "values",
		"redis://h:1?ssl_cert_reqs=none":            "rediss://",
		"rediss://h:1?ssl_cert_reqs=hunter2":        "none, optional or required",
		"rediss://h:1?ssl_min_version=770":          "TLS 1.2",
		"rediss://h:1?ssl_ca_certs=/none.pem":       "ssl_ca_certs",
		"rediss://h:1?ssl_ca_data=hunter2":          "PEM",
		"rediss://h:1?ssl_certfile=/none.pem":       "ssl_certfile",
		"rediss://h:1?ssl_keyfile_password=hunter2": "ssl_keyfile_password",
		"unix://?db=1":                              "path of a socket",
	} {
		err := CheckURL(u)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: found %v, expected an error with %q and no secret", u, err, want)
		}
	}
}

func FuzzParseURLRevealsNoSecret(f *testing.F) {
	for _, seed := range []string{"redis://u:%s@h:1/0", "rediss://h?password=%s", "redis://%s", "unix://:%s@/x?db=%s", "redis://h?%s=%s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		const secret = "hunter2"
		if strings.Contains(form, secret) || strings.Contains(form, "ssl_c") || strings.Contains(form, "ssl_k") { // names of files
			return
		}
		text := strings.ReplaceAll(form, "%s", secret)
		if _, query, _ := strings.Cut(text, "?"); strings.Contains(query, secret) {
			values, _ := url.ParseQuery(query)
			for name := range values {
				if strings.Contains(name, secret) { // names of options may be in the error
					return
				}
			}
		}
		if err := CheckURL(text); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error contains the secret: %v", text, err)
		}
	})
}
