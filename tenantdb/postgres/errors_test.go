package postgres

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func TestErrorsOfTheDriverAreOneLineWithoutRepetition_F7(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"failed to connect to `user=u database=db`:\n\t127.0.0.1:1 (localhost): dial error: refused\n\t127.0.0.1:1 (localhost): dial error: refused",
			"postgres: failed to connect to `user=u database=db`: 127.0.0.1:1 (localhost): dial error: refused"},
		{"failed to connect to `user=u database=db`:\n\ta:1 (a): refused\n\ta:1 (a): refused\n\tb:1 (b): refused\n\tb:1 (b): refused",
			"postgres: failed to connect to `user=u database=db`: a:1 (a): refused; b:1 (b): refused"},
		{"failed to connect to `user=u database=db`:\n\thostname resolving error: lookup x: no such host\n\tlookup x: no such host",
			"postgres: failed to connect to `user=u database=db`: hostname resolving error: lookup x: no such host"},
		{"postgres: reading the tables: ERROR: no", "postgres: reading the tables: ERROR: no"},
		{"one\n\ntwo", "postgres: one; two"},
		{"with secret\nand secret", "postgres: with [password]; and [password]"},
	} {
		if got := (&DB{password: "secret"}).redact(errors.New(c.text)).Error(); got != c.want {
			t.Errorf("%q\n\tgot  %q\n\twant %q", c.text, got, c.want)
		}
	}
}

func TestAnUnreachableAddressIsNamedOnce_F7(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	db, err := Open(Config{DSN: "postgres://u:geheim@" + address + "/db?connect_timeout=5"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.connect(t.Context())
	if err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("the address that was closed answers")
	}
	err = db.redact(err)
	if text := err.Error(); !strings.HasSuffix(text, "; expected a database that accepts connections: start it, or correct the connection string") {
		t.Errorf("%q", text)
	}
	if text := err.Error(); strings.Contains(text, "\n") || strings.Count(text, address+" (") != 1 {
		t.Errorf("%q", text)
	}
}
