package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSecretsComeFromTheEnvironmentAndFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old", "older, with spaces \r\n")
	write("dsn", "postgres://u:p@h/db\n")
	t.Setenv("CONFIG_TEST_KEY", "new")
	t.Setenv("CONFIG_TEST_OLD", "old")
	f := parse(t, filepath.Join(dir, "x.yaml"), `
sessions: {backend: db, secret_key_env: CONFIG_TEST_KEY, fallbacks_env: [CONFIG_TEST_OLD], fallbacks_file: [old], dsn_file: dsn}
tenant_header_proof: [{id: k, secret_env: CONFIG_TEST_KEY}]
directory: {source: postgres, dsn: "host=h password=p"}
`)
	keys, err := f.Sessions.SecretKeys()
	if want := []string{"new", "old", "older, with spaces "}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys are %q, %v, want %q", keys, err, want)
	}
	if got, err := f.Sessions.ConnString(); err != nil || got != "postgres://u:p@h/db" {
		t.Errorf("sessions: %q, %v", got, err)
	}
	if got, err := f.Directory.ConnString(); err != nil || got != "host=h password=p" {
		t.Errorf("directory: %q, %v", got, err)
	}
	if secret, err := f.TenantHeaderProof[0].Secret(); err != nil || string(secret) != "new" {
		t.Errorf("proof key: %q, %v", secret, err)
	}
	if got, err := (Database{}).ConnString(); got != "" || err != nil {
		t.Errorf("no database: %q, %v", got, err)
	}
}

func TestAMissingSecretIsAnErrorThatNamesItsSource(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Sessions{
		{SecretKeyEnv: "CONFIG_TEST_UNSET"},
		{SecretKeyFile: empty},
		{SecretKeyFile: empty + "-missing"},
		{SecretKeyEnv: "CONFIG_TEST_SET", FallbacksEnv: []string{"CONFIG_TEST_UNSET"}},
		{SecretKeyEnv: "CONFIG_TEST_SET", FallbacksFile: []string{empty}},
	} {
		t.Setenv("CONFIG_TEST_SET", "hunter2")
		_, err := s.SecretKeys()
		if err == nil || !strings.Contains(err.Error(), "CONFIG_TEST_UNSET") && !strings.Contains(err.Error(), "empty") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: error is %v", s, err)
		}
	}
	if _, err := (ProofKey{SecretEnv: "CONFIG_TEST_UNSET"}).Secret(); err == nil {
		t.Error("a proof key without a secret loads")
	}
}

func TestAConnectionStringNeverPrints(t *testing.T) {
	f := parse(t, "x.yaml", `directory: {source: postgres, dsn: "postgres://u:hunter2@h/db"}`)
	asJSON, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(f), fmt.Sprintf("%+v", f), fmt.Sprintf("%#v", f.Directory), fmt.Sprintf("%s %v %q", f.Directory.DSN, f.Directory, f.Directory.DSN),
		f.Directory.DSN.LogValue().String(), string(asJSON),
	} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("the password is in %s", printed)
		}
	}
}
