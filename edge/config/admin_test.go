package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestTheTokenWithoutANameIsAnOperator(t *testing.T) {
	t.Setenv("CONFIG_TEST_A", "first")
	f := parse(t, "/etc/x.yaml", `
admin_token_env: CONFIG_TEST_A
admin_tokens: [{name: ci, role: operate, secret_file: ci}, {name: grafana, role: read, secret_env: CONFIG_TEST_UNSET}]
admin_tls: [{cert: a.pem, key: a.key}, {cert: b.pem, key: b.key}]
audit_log: audit.jsonl
`)
	want := []AdminToken{
		{Name: "ci", Role: RoleOperate, SecretFile: filepath.FromSlash("/etc/ci")}, {Name: "grafana", Role: RoleRead, SecretEnv: "CONFIG_TEST_UNSET"},
		{Name: "admin", Role: RoleOperate, SecretEnv: "CONFIG_TEST_A"},
	}
	if !reflect.DeepEqual(f.AdminTokens, want) || len(f.AdminTLS) != 2 || f.AdminTLS[1].Key != filepath.FromSlash("/etc/b.key") || f.AuditLog != filepath.FromSlash("/etc/audit.jsonl") {
		t.Errorf("got %+v", f)
	}
	if secret, err := f.AdminTokens[2].Secret(); err != nil || secret != "first" {
		t.Errorf("%q, %v", secret, err)
	}
	t.Setenv("CONFIG_TEST_A", "")
	err := f.CheckEnvironment()
	for _, part := range []string{"x.yaml:2:1: admin_token_env: ", "x.yaml:3:1: admin_tokens[0]: ", "x.yaml:3:1: admin_tokens[1]: ", "x.yaml:4:1: admin_tls: "} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v, expected %q", err, part)
		}
	}
}

func TestSignaturesAreRequiredWhereKeysAreTrusted(t *testing.T) {
	const key = "RWQk5nqRA4zCG3EQJX2kIqWxInweweyjEuGqfMAOBRCpYYw+d4ACuMF5"
	for text, want := range map[string]Guest{
		"{path: g.wasm}":                              {Path: "/etc/g.wasm"},
		"{path: g.wasm, trusted_keys: []}":            {Path: "/etc/g.wasm", TrustedKeys: []string{}},
		"{path: g.wasm, trusted_keys: [" + key + "]}": {Path: "/etc/g.wasm", TrustedKeys: []string{key}, RequireSignature: true},
		"{trusted_keys: [" + key + "], require_signature: false, path: g.wasm, signature: s}": {Path: "/etc/g.wasm", TrustedKeys: []string{key}, Signature: "/etc/s"},
	} {
		want.Path, want.Signature = filepath.FromSlash(want.Path), filepath.FromSlash(want.Signature)
		got := parse(t, "/etc/x.yaml", "guest: "+text).Guest
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
		signature := want.Path + ".minisig"
		if want.Signature != "" {
			signature = want.Signature
		}
		if got.SignaturePath() != signature {
			t.Errorf("%s: the signature is %s", text, got.SignaturePath())
		}
	}
}

func TestAReferenceOfAGuestIsNoPath(t *testing.T) {
	got := parse(t, "/etc/x.yaml", "guest: {path: 'oci://r/g:v1', registry: {ca_file: ca.pem, plain_http: true}}").Guest
	want := Guest{Path: "oci://r/g:v1", Registry: Registry{CAFile: filepath.FromSlash("/etc/ca.pem"), PlainHTTP: true}}
	if !reflect.DeepEqual(got, want) || got.SignaturePath() != "" {
		t.Errorf("got %+v", got)
	}
	f := &File{Name: "x.yaml", Guest: Guest{Path: "oci://r/g:v1", Registry: Registry{CAFile: filepath.Join(t.TempDir(), "ca.pem")}}}
	if err := f.CheckEnvironment(); err == nil || !strings.Contains(err.Error(), "guest.registry.ca_file: ") {
		t.Errorf("a missing file: %v", err)
	}
}
