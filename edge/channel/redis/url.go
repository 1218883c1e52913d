package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// CheckURL fails for a text that [Config].Hosts rejects. The error contains
// neither the user nor the password nor the value of an option.
func CheckURL(text string) error {
	_, err := parseURL(text, nil)
	return err
}

// parseURL parses a URL as redis-py, the client of channels_redis, does, so that
// Django and the edge can share a setting: the user and the password, between the
// scheme and the last @, need not be escaped, and options that tune redis-py's
// connections are ignored. base configures TLS for rediss:// and may be nil.
func parseURL(text string, base *tls.Config) (*redis.Options, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || !slices.Contains([]string{"redis", "rediss", "unix"}, scheme) {
		return nil, errors.New("expected redis://, rediss:// or unix:// at the start, found another scheme or none")
	}
	user, password, rest := cutUserinfo(rest)
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return nil, errors.New("expected host:port/database after user and password, found text that cannot be parsed; escape /, ? and # in the password as %2F, %3F and %23")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("expected options as name=value, separated by &, found text that cannot be parsed")
	}
	options := urlOptions{values: query}
	config, err := options.tls(scheme, base)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"username", "password"} {
		if value, ok := options.take(name); ok {
			*map[string]*string{"username": &user, "password": &password}[name] = value
		}
	}
	for _, name := range ignoredOptions {
		delete(options.values, name)
	}
	u.RawQuery = options.values.Encode()
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, explainURL(u, err)
	}
	o.Username, o.Password = user, password
	if config != nil {
		config.ServerName = o.TLSConfig.ServerName
		o.TLSConfig = config
	}
	return o, nil
}

// cutUserinfo splits the part of a URL after its scheme into user, password and
// rest, as Python does: a % that begins no escape is literal.
func cutUserinfo(s string) (user, password, rest string) {
	end := strings.IndexAny(s, "/?#")
	if end < 0 {
		end = len(s)
	}
	at := strings.LastIndexByte(s[:end], '@')
	if at < 0 {
		return "", "", s
	}
	user, password, _ = strings.Cut(s[:at], ":")
	return unescape(user), unescape(password), s[at+1:]
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ignoredOptions tune the connections of redis-py; the edge has its own timeouts,
// retries and pools.
var ignoredOptions = []string{
	"socket_timeout", "socket_connect_timeout", "socket_keepalive", "socket_type", "socket_read_size", "timeout",
	"retry_on_timeout", "retry_on_error", "health_check_interval", "max_connections", "protocol", "client_name", "lib_name", "lib_version",
	"encoding", "encoding_errors", "decode_responses",
}

// urlOptions are the options of a URL that have not been read yet.
type urlOptions struct{ values url.Values }

// take removes an option and returns its value; the first of several values, like
// redis-py.
func (o urlOptions) take(name string) (value string, ok bool) {
	if values := o.values[name]; len(values) > 0 {
		value, ok = values[0], true
	}
	delete(o.values, name)
	return value, ok
}

// tls returns base changed by the options with the prefix ssl_; nil without TLS.
func (o urlOptions) tls(scheme string, base *tls.Config) (*tls.Config, error) {
	if scheme != "rediss" {
		for name := range o.values {
			if strings.HasPrefix(name, "ssl_") {
				return nil, fmt.Errorf("expected rediss:// for the option %s; change the scheme or remove the option", name)
			}
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		config = base.Clone()
	}
	for _, read := range []func(*tls.Config) error{o.verification, o.rootCAs, o.certificate, o.version} {
		if err := read(config); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// verification reads ssl_cert_reqs and ssl_check_hostname.
func (o urlOptions) verification(config *tls.Config) error {
	switch reqs, ok := o.take("ssl_cert_reqs"); {
	case !ok, reqs == "required", reqs == "optional": // the server always sends a certificate
	case reqs == "none":
		config.InsecureSkipVerify = true
	default:
		return errors.New("expected none, optional or required for ssl_cert_reqs, found another value")
	}
	check, ok := o.take("ssl_check_hostname")
	if !ok || config.InsecureSkipVerify {
		return nil
	}
	switch strings.ToLower(check) { // as redis-py reads it
	case "0", "f", "false", "n", "no":
		verifyChainOnly(config)
	}
	return nil
}

// verifyChainOnly verifies the chain of the server's certificate, not its name.
func verifyChainOnly(config *tls.Config) {
	config.InsecureSkipVerify = true // crypto/tls has no other way to skip the name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: config.RootCAs, Intermediates: x509.NewCertPool()}
		for _, c := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
}

// rootCAs reads ssl_ca_certs, a file, and ssl_ca_data, PEM text.
func (o urlOptions) rootCAs(config *tls.Config) error {
	data, given := o.take("ssl_ca_data")
	if path, ok := o.take("ssl_ca_certs"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading the file of ssl_ca_certs: %w", err)
		}
		data, given = string(b), true
	}
	if !given {
		return nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM([]byte(data)) {
		return errors.New("expected PEM certificates in ssl_ca_certs or ssl_ca_data, found none")
	}
	return nil
}

// certificate reads ssl_certfile and ssl_keyfile: the client's certificate.
func (o urlOptions) certificate(config *tls.Config) error {
	file, ok := o.take("ssl_certfile")
	key, hasKey := o.take("ssl_keyfile")
	if !ok && !hasKey {
		return nil
	}
	if !hasKey {
		key = file
	}
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		return fmt.Errorf("reading the files of ssl_certfile and ssl_keyfile: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

// version reads ssl_min_version, the number of a protocol version.
func (o urlOptions) version(config *tls.Config) error {
	text, ok := o.take("ssl_min_version")
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n != tls.VersionTLS12 && n != tls.VersionTLS13 {
		return errors.New("expected 771 (TLS 1.2) or 772 (TLS 1.3) for ssl_min_version, found another value")
	}
	config.MinVersion = uint16(n)
	return nil
}

// explainURL returns an error for a URL that go-redis rejected, without go-redis's
// text, which may contain the value of an option.
func explainURL(u *url.URL, err error) error {
	if text := err.Error(); strings.Contains(text, "unexpected option: ") {
		_, names, _ := strings.Cut(text, "unexpected option: ")
		return fmt.Errorf("expected an option of redis-py, or one of connection pools, found %s", names)
	}
	switch path := strings.Trim(u.Path, "/"); {
	case u.Scheme == "unix":
		return errors.New("expected the path of a socket, such as unix:///run/redis.sock?db=0, found none, or an invalid value of an option")
	case strings.Trim(path, "0123456789") != "":
		return errors.New("expected the number of a database after the host, such as redis://127.0.0.1:6379/0, found another path")
	}
	return errors.New("expected valid values of options, found one that cannot be parsed")
}
