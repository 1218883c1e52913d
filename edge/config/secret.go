package config

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	tenantfile "github.com/tenantedge/tenantedge/tenantdb/file"
)

// DSN is a connection string in the file. It may contain a password, so printing,
// marshalling or logging it shows a placeholder.
type DSN string

const redacted = "[redacted]"

// String returns a placeholder.
func (s DSN) String() string { return redacted }

// GoString returns a placeholder.
func (s DSN) GoString() string { return redacted }

// LogValue returns a placeholder.
func (s DSN) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder.
func (s DSN) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (s *DSN) decode(v value) {
	if v.n.kind != kindString || v.n.text == "" {
		v.fail("expected a connection string in quotes, found %s", v.n.kindName())
		return
	}
	*s = DSN(v.n.text)
}

// Database is the connection to Postgres. At most one of the fields is set; if
// none is, the PG… variables of libpq apply.
type Database struct {
	DSN     DSN    `key:"dsn"`
	DSNEnv  string `key:"dsn_env,env"`
	DSNFile string `key:"dsn_file,path"`
}

// IsZero reports whether no field is set.
func (db Database) IsZero() bool { return db == Database{} }

// ConnString returns the connection string. It reads the environment variable or
// the file that holds it; without any the string is empty. Never log it.
func (db Database) ConnString() (string, error) {
	if db.DSN != "" {
		return string(db.DSN), nil
	}
	if db.IsZero() {
		return "", nil
	}
	return readSecret(db.DSNEnv, db.DSNFile)
}

func (db Database) check(v value, found seen) { v.atMostOne(found, "dsn", "dsn_env", "dsn_file") }

// ProofKey is a key that signs tenant headers or URLs.
type ProofKey struct {
	ID         string `key:"id,required,nonempty"`
	SecretEnv  string `key:"secret_env,env"`
	SecretFile string `key:"secret_file,path"`
}

// Secret reads the secret. Never log it.
func (k ProofKey) Secret() ([]byte, error) {
	s, err := readSecret(k.SecretEnv, k.SecretFile)
	if err != nil {
		return nil, err
	}
	return []byte(s), nil
}

func (k *ProofKey) decode(v value) {
	found := v.object(k)
	if strings.ContainsAny(k.ID, " ;=\t\r\n") {
		found["id"].fail("expected an id without whitespace, \";\" and \"=\", found %q; choose another", shorten(k.ID))
	}
	v.exactlyOne(found, "secret_env", "secret_file")
}

// readSecret reads a variable or a file, without the line break that editors add
// to the end of a file. Errors contain only the name of the variable or file.
func readSecret(env, file string) (string, error) {
	where := "environment variable " + env
	s := os.Getenv(env)
	if file != "" {
		where = "file " + file
		b, _, err := tenantfile.ReadRegular(file, 0)
		if err != nil {
			return "", fmt.Errorf("config: expected a secret in the %s: %w", where, err)
		}
		s = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}
	if s == "" {
		return "", fmt.Errorf("config: expected a secret in the %s, found it empty or not set; add it", where)
	}
	return s, nil
}

func (v value) atMostOne(found seen, keys ...string) {
	if found.count(keys...) > 1 {
		v.fail("expected one of %s, found several; remove all but one", strings.Join(keys, ", "))
	}
}

func (v value) exactlyOne(found seen, keys ...string) {
	v.atMostOne(found, keys...)
	if found != nil && found.count(keys...) == 0 {
		v.fail("expected one of %s, found none; add one", strings.Join(keys, ", "))
	}
}
