package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Root checks a configuration for a service that runs as another user, which could not
// write to what check creates.
func TestCheckCreatesNothing(t *testing.T) {
	folder := t.TempDir()
	const written = "audit_log: %[1]q\nusage: {folder: %[2]q}\nrecord: {folder: %[3]q}\ndirectory: {source: postgres, dsn: postgres://127.0.0.1:1/a, state_file: %[4]q}\n"
	in := func(name string) string { return filepath.Join(folder, name) }
	config := func(audit, usage, record, state string) string {
		return writeFile(t, "edge.yaml", "tenants: {www: {DOMAINS: [www.test], URLCONF: site}, default: {URLCONF: site}}\nurlconfs: {site: {reply: {}}}\n"+fmt.Sprintf(written, in(audit), in(usage), in(record), in(state)))
	}
	if code, r := runCheck(t, config("audit", "a/usage", "b/record", "state"), "--strict"); code != exitOK {
		t.Errorf("files that can be created: exit %d, %+v", code, r)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("check has created %v, %v", left, err)
	}
	if err := os.WriteFile(in("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, r := runCheck(t, config("file", ".", ".", "file"), "--strict"); code != exitOK {
		t.Errorf("files that exist: exit %d, %+v", code, r)
	}
	code, r := runCheck(t, config("missing/audit", "file", "file/record", "missing/state"))
	if code != exitFailed || r.Errors != 3 || r.Warnings != 1 ||
		!r.has(kindSetup, "audit_log", "expected a file that can be appended to") || !r.has(kindSetup, "usage.folder", "expected a folder that can be written to") ||
		!r.has(kindSetup, "record.folder", "expected a folder") || !r.has(kindSetup, "directory.state_file", "otherwise the state is not kept") {
		t.Errorf("what cannot be written: exit %d, %+v", code, r)
	}
	if code, r := runCheck(t, config("..", "usage", "record", "state")); code != exitFailed || !r.has(kindSetup, "audit_log", "is not a regular file") {
		t.Errorf("a folder in place of a file: exit %d, %+v", code, r)
	}
}
