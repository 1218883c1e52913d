package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// auditFileOf returns the records in the file of an audit log.
func auditFileOf(t *testing.T, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var records []map[string]any
	for line := range strings.Lines(string(text)) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		records = append(records, r)
	}
	return records
}

func TestO10EveryChangeOfTheGuestIsRecorded(t *testing.T) {
	ours := newSigner(t)
	folder := t.TempDir()
	path, audit := filepath.Join(folder, "guest.wasm"), filepath.Join(folder, "audit.jsonl")
	put(t, path, numbered(0))
	put(t, path+".minisig", ours.sign(numbered(0)))
	w := start(t, func(s *setup) {
		s.options.GuestFile, s.options.Signature, s.options.Trust = path, path+".minisig", trusting(ours)
		s.options.AdminTokens, s.options.AuditLog = tokens(), audit
	})
	send := func(method, target, token string, guest, signature []byte, reason string) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+w.server.AdminAddr().String()+target, bytes.NewReader(guest))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Tenantedge-Reason", reason)
		if signature != nil {
			r.Header.Set(signatureHeader, base64.StdEncoding.EncodeToString(signature))
		}
		w.do(r)
	}
	const operate = "operate-0123456789"
	send("PUT", "/guest", operate, numbered(1), ours.sign(numbered(1)), "ticket 4711")
	send("PUT", "/guest", operate, numbered(1), ours.sign(numbered(1)), "")
	send("PUT", "/guest", operate, numbered(2), nil, "no signature")
	send("PUT", "/guest", operate, numbered(2), ours.sign(numbered(1)), "the wrong one")
	send("POST", "/guest/rollback", operate, nil, nil, "\"odd\" \u202e text "+strings.Repeat("x", 1000))
	send("PUT", "/guest", "read-0123456789abcdef", nil, nil, "")
	send("PUT", "/guest", "nothing", nil, nil, "")
	w.server.ReloadGuest(t.Context())
	put(t, path+".minisig", ours.sign(numbered(3)))
	put(t, path, numbered(3))
	w.eventually("the guest of the file", func() bool { return w.server.now().host.GuestDigest() == instance.Digest(numbered(3)) })
	w.eventually("its record", func() bool { return len(auditFileOf(t, audit)) == 10 })
	digest := func(n byte) string { return instance.Digest(numbered(n)) }
	key := ours.id()
	want := []map[string]string{
		{"audit": "guest.path", "who": "start", "outcome": "done", "after": digest(0), "signed_by": key},
		{"audit": "PUT /guest", "who": "deploy", "outcome": "done", "before": digest(0), "after": digest(1), "signed_by": key, "reason": "ticket 4711"},
		{"audit": "PUT /guest", "who": "deploy", "outcome": "unchanged", "after": digest(1), "signed_by": key},
		{"audit": "PUT /guest", "who": "deploy", "outcome": "refused", "after": digest(1), "reason": "no signature", "error": "found none"},
		{"audit": "PUT /guest", "who": "deploy", "outcome": "refused", "after": digest(1), "offered": digest(2), "error": "expected the guest that the key"},
		{"audit": "POST /guest/rollback", "who": "deploy", "outcome": "done", "before": digest(1), "after": digest(0), "signed_by": key, "reason": "\"odd\"   text xxx"},
		{"audit": "PUT /guest", "who": "grafana", "outcome": "forbidden"},
		{"audit": "PUT /guest", "outcome": "unauthorized"},
		{"audit": "guest.path", "who": "signal", "outcome": "unchanged", "after": digest(0), "signed_by": key},
		{"audit": "guest.path", "who": "file", "outcome": "done", "before": digest(0), "after": digest(3), "signed_by": key},
	}
	for source, got := range map[string][]map[string]any{"the file": auditFileOf(t, audit), "the log": w.logs.entries("audit")} {
		if len(got) != len(want) {
			t.Fatalf("%s has %d records, expected %d: %v", source, len(got), len(want), got)
		}
		for i, record := range want {
			for k, v := range record {
				if text, _ := got[i][k].(string); !strings.HasPrefix(text, v) && !(k == "error" && strings.Contains(text, v)) {
					t.Errorf("%s: record %d: %s is %q, expected %q", source, i, k, text, v)
				}
			}
			for _, k := range []string{"before", "offered", "signed_by", "reason", "error", "who"} {
				if text, ok := got[i][k]; ok && record[k] == "" && k != "reason" && k != "error" {
					t.Errorf("%s: record %d has %s %q", source, i, k, text)
				}
			}
			if reason, _ := got[i]["reason"].(string); len(reason) > 210 {
				t.Errorf("%s: record %d has a reason of %d bytes", source, i, len(reason))
			}
			if peer := got[i]["peer"]; (peer != nil) != (record["audit"] != "guest.path") {
				t.Errorf("%s: record %d has the peer %v", source, i, peer)
			}
		}
	}
	if info, err := os.Stat(audit); err != nil || info.Mode() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestO10AFloodOfRefusedRequestsIsRecordedAtABoundedRate(t *testing.T) {
	logs := &lines{}
	a := newAuditLog(slog.New(slog.NewJSONHandler(logs, nil)))
	const sent = 5000
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range sent / 4 {
				a.refuse(auditRecord{Action: "PUT /guest", Outcome: auditUnauthorized})
			}
		})
	}
	all.Wait()
	a.record(auditRecord{Action: "PUT /guest", Outcome: auditDone})
	records := logs.entries("audit")
	if len(records) < refusedBurst || len(records) > sent/10 {
		t.Errorf("%d of %d refusals are recorded", len(records), sent)
	}
	if last := records[len(records)-1]; last["outcome"] != auditDone {
		t.Errorf("the last record is %v", last)
	}
	a.refusals.SetBurst(1 << 30) // as if time had passed
	a.refusals.SetLimit(1 << 30)
	a.mu.Lock()
	suppressed := a.suppressed
	a.mu.Unlock()
	runs := func() bool {
		a.refuse(auditRecord{Action: "PUT /guest", Outcome: auditUnauthorized})
		records = logs.entries("audit")
		n, ok := records[len(records)-1]["suppressed"].(float64)
		return ok && uint64(n) >= suppressed
	}
	if !runs() {
		t.Errorf("%d refusals were suppressed; the last record is %v", suppressed, records[len(records)-1])
	}
}

func TestO10TheFileOfTheAuditLogMayBeMovedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	logs := &lines{}
	a := newAuditLog(slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelError})))
	a.use(path)
	a.record(auditRecord{Action: "PUT /guest", Outcome: auditDone, Who: "a\nb"})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	a.record(auditRecord{Action: "PUT /guest", Outcome: auditDone})
	for _, name := range []string{path, path + ".1"} {
		if got := auditFileOf(t, name); len(got) != 1 {
			t.Errorf("%s has %v", name, got)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	a.record(auditRecord{Action: "PUT /guest", Outcome: auditDone})
	if got := logs.entries("cannot append to the audit log"); len(got) != 1 {
		t.Errorf("the log is %s", logs)
	}
	if err := checkAuditLog(path); err == nil || !strings.Contains(err.Error(), "serve: audit_log: expected a file") {
		t.Errorf("a folder: %v", err)
	}
}
