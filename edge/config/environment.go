package config

import (
	"crypto/tls"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// CheckEnvironment reports secrets, certificates, files and folders that the file
// names but that are missing or invalid on this machine. It ignores the guest,
// because an edge can start without it. The error joins *Error values.
func (f *File) CheckEnvironment() error {
	d := newDecoder(f.Name)
	f.checkSecrets(d)
	for i, l := range f.Listeners {
		f.checkCertificates(d, l.TLS, root("listeners").item(i).child("tls"))
	}
	f.checkCertificates(d, f.AdminTLS, root("admin_tls"))
	if err := (artifact.Options{CAFile: f.Guest.Registry.CAFile}).Check(); err != nil {
		f.failAt(d, root("guest", "registry", "ca_file"), "%v", err)
	}
	for name, c := range f.URLConfs {
		if c.Files == "" {
			continue
		}
		if info, err := os.Stat(c.Files); err != nil {
			f.failAt(d, root("urlconfs", name, "files"), "expected a folder of files: %v", err)
		} else if !info.IsDir() {
			f.failAt(d, root("urlconfs", name, "files"), "expected a folder of files, found %s, which is not a folder", c.Files)
		}
	}
	for key, page := range f.ErrorPages {
		if _, err := errorpage.Read(page); err != nil {
			f.failAt(d, root("error_pages", key), "%v", err)
		}
	}
	if f.Directory.Path != "" {
		if _, err := os.Stat(f.Directory.Path); err != nil {
			f.failAt(d, root("directory", "path"), "expected a file of tenants and domains: %v", err)
		}
	}
	return d.err()
}

func (f *File) checkCertificates(d *decoder, pairs []Certificate, p *path) {
	for _, c := range pairs {
		if _, err := c.Load(); err != nil {
			f.failAt(d, p, "expected the certificate %s and its key %s, a pair of PEM files: %v", c.Cert, c.Key, err)
		}
	}
}

// checkSecrets reports secrets that cannot be read.
func (f *File) checkSecrets(d *decoder) {
	check := func(err error, p *path) {
		if err != nil {
			f.failAt(d, p, "%s", strings.TrimPrefix(err.Error(), "config: "))
		}
	}
	for i, k := range f.TenantHeaderProof {
		_, err := k.Secret()
		check(err, root("tenant_header_proof").item(i))
	}
	for i, k := range f.SigningKeys {
		_, err := k.Secret()
		check(err, root("signing_keys").item(i))
	}
	for i, t := range f.AdminTokens {
		_, err := t.Secret()
		check(err, f.adminTokenPath(i))
	}
	if f.Directory.Source == "postgres" {
		_, err := f.Directory.ConnString()
		check(err, root("directory", envOrFile(f.Directory.DSNEnv, "dsn")))
	}
	if f.Fleet != nil {
		_, err := f.Fleet.ConnString()
		check(err, root("fleet", envOrFile(f.Fleet.DSNEnv, "dsn")))
	}
	if s := f.Sessions; s != nil {
		_, err := s.SecretKeys()
		check(err, root("sessions"))
		_, err = s.ConnString()
		check(err, root("sessions", envOrFile(s.DSNEnv, "dsn")))
	}
	if r := f.Channels.Redis; r != nil {
		_, err := r.URLs()
		check(err, root("channels", "redis", envOrFile(r.HostsEnv, "hosts")))
		_, err = r.Keys()
		check(err, root("channels", "redis"))
		_, err = r.TLS()
		check(err, root("channels", "redis", "ca_file"))
	}
	if f.Tracing != nil {
		_, err := f.Tracing.Headers()
		check(err, root("tracing", "headers_env"))
	}
	if f.Media != nil && f.Media.S3 != nil {
		_, _, err := f.Media.S3.Keys()
		check(err, root("media", "s3"))
	}
}

// CheckGuest reports a file of the guest that cannot be read or does not begin as a
// Wasm module. It does not read guests in registries. The error joins an *Error.
func (f *File) CheckGuest() error {
	if f.Guest.Path == "" || artifact.IsReference(f.Guest.Path) {
		return nil
	}
	d, at := newDecoder(f.Name), root("guest", "path")
	module, _, err := file.ReadRegular(f.Guest.Path, 4<<10) // its beginning
	switch {
	case err != nil:
		f.failAt(d, at, "expected a Wasm module: %v", err)
	default:
		if found, remedy := wasm.NotModule(module); found != "" {
			f.failAt(d, at, "expected a Wasm module, found %s in %s; %s", found, f.Guest.Path, remedy)
		}
	}
	return d.err()
}

// At returns err, or each error that it joins, as an *Error at a key of the file:
// "guest", "path" for guest.path.
func (f *File) At(err error, keys ...string) error {
	d := newDecoder(f.Name)
	for _, one := range Split(err) {
		f.failAt(d, root(keys...), "%s", one.Error())
	}
	return d.err()
}

// guestError matches the error of the built-in router about its configuration:
// "… refuses its configuration: ws_urlconfs[app.ws][0].path: …".
var guestError = regexp.MustCompile(`refuses its configuration: (tenants|ws_urlconfs)\[(.*?)\](?:\[(\d+)\])?(?:\.([a-z_]+))?(?:\[(\d+)\])?: (.*)`)

// LocateGuestError returns the error of a guest about its configuration as an
// *Error at the key that it names, and any other error unchanged.
func (f *File) LocateGuestError(err error) error {
	m := guestError.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	p := root(m[1], m[2])
	addIndex := func(index string) {
		if i, err := strconv.Atoi(index); err == nil {
			p = p.item(i)
		}
	}
	addIndex(m[3])
	if m[4] != "" {
		p = p.child(m[4])
	}
	addIndex(m[5])
	d := newDecoder(f.Name)
	f.failAt(d, p, "%s", m[6])
	return d.err()
}

// Split returns the errors that err joins, recursively. It does not split an error
// whose text is more than theirs. For nil it returns nil.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, Split(one)...)
	}
	return all
}

// envOrFile returns the key that names the environment variable env, if it is set,
// otherwise the key that names a file.
func envOrFile(env, key string) string {
	if env != "" {
		return key + "_env"
	}
	return key + "_file"
}

// Load reads the certificate and its key.
func (c Certificate) Load() (tls.Certificate, error) {
	cert, _, err := file.ReadRegular(c.Cert, 0)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, _, err := file.ReadRegular(c.Key, 0)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
