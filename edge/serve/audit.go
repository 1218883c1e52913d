package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// auditLog records who changed the guest or the configuration, and who tried to: in the log, as records
// with the attribute audit, and in the file of audit_log.
type auditLog struct {
	log *slog.Logger

	failures atomic.Uint64 // records that are missing in the file

	mu         sync.Mutex
	path       string        // of the file; empty: there is none
	refusals   *rate.Limiter // of requests without a valid token, which anyone can send
	suppressed uint64        // refusals without a record, since the last one with one
}

// refusedBurst is how many refused requests are recorded at once; after that, one a
// second is.
const refusedBurst = 20

func newAuditLog(log *slog.Logger) *auditLog {
	return &auditLog{log: log, refusals: rate.NewLimiter(1, refusedBurst)}
}

// checkAuditLog checks that the file of an audit log can be written.
func checkAuditLog(path string) error {
	if path == "" {
		return nil
	}
	if _, err := appended(path).Write(nil); err != nil {
		return errorf("audit_log: expected a file that can be appended to: %w", err)
	}
	return nil
}

// use writes further records to a file; empty: to none.
func (a *auditLog) use(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.path = path
}

// Values of auditRecord.Action for what is no request, and of Outcome.
const (
	auditFile   = "guest.path"    // the guest's file was read
	auditReload = "configuration" // it was reloaded

	auditDone         = "done"
	auditUnchanged    = "unchanged" // the guest ran already
	auditRefused      = "refused"   // the guest, or the request
	auditUnauthorized = "unauthorized"
	auditForbidden    = "forbidden" // the role of the token is too small
	auditLimited      = "limited"   // the peer has failed too often
)

// auditRecord is a record of the audit log. Empty fields are left out.
type auditRecord struct {
	Action   string // the pattern of a request's route, or auditFile
	Who      string // the name of the token; "file", "signal", "start", "reload" or "program" for files
	Peer     string // address of the client
	Reason   string // which the client gave
	Outcome  string
	Offered  string // digest of the guest that was refused
	Before   string // digests of the guests that ran before and after
	After    string
	SignedBy string // ID of the trusted key that signed the guest
	Error    string
}

// record writes a record.
func (a *auditLog) record(r auditRecord) { a.write(r, 0) }

// refuse writes a record about a request without a valid token, at a bounded rate.
func (a *auditLog) refuse(r auditRecord) {
	a.mu.Lock()
	if !a.refusals.Allow() {
		a.suppressed++
		a.mu.Unlock()
		return
	}
	suppressed := a.suppressed
	a.suppressed = 0
	a.mu.Unlock()
	a.write(r, suppressed)
}

func (a *auditLog) write(r auditRecord, suppressed uint64) {
	level := slog.LevelInfo
	if r.Outcome != auditDone && r.Outcome != auditUnchanged {
		level = slog.LevelWarn
	}
	entry := slog.NewRecord(time.Now(), level, "audit", 0)
	for _, f := range []struct{ key, value string }{
		{"audit", r.Action}, {"outcome", r.Outcome}, {"who", r.Who}, {"peer", r.Peer}, {"reason", r.Reason}, {"offered", r.Offered},
		{"before", r.Before}, {"after", r.After}, {"signed_by", r.SignedBy}, {"error", r.Error},
	} {
		if f.value != "" {
			entry.AddAttrs(slog.String(f.key, f.value))
		}
	}
	if suppressed > 0 {
		entry.AddAttrs(slog.Uint64("suppressed", suppressed))
	}
	ctx := context.Background()
	if h := a.log.Handler(); h.Enabled(ctx, level) {
		_ = h.Handle(ctx, entry.Clone()) // there is no other log to report it in
	}
	a.mu.Lock()
	path := a.path
	a.mu.Unlock()
	if path == "" {
		return
	}
	if err := slog.NewJSONHandler(logs.Escaped(appended(path)), nil).Handle(ctx, entry); err != nil {
		a.failures.Add(1)
		a.log.Error("cannot append to the audit log", "file", path, "error", err)
	}
}

// auditSwap records what r, from an attempt to swap in a guest, is about.
func (s *generation) auditSwap(a auditRecord, guest signedGuest, r edge.Report, err error) {
	a.SignedBy, a.After = guest.keyID, r.Guest.Digest
	switch {
	case err != nil:
		a.Outcome, a.Error, a.After = auditRefused, err.Error(), s.host.GuestDigest()
		if guest.wasm != nil {
			a.Offered = instance.Digest(guest.wasm)
		}
	case r.Unchanged:
		a.Outcome = auditUnchanged
	default:
		a.Outcome, a.Before = auditDone, r.Previous.Digest
	}
	s.audit.record(a)
}

// requestRecord returns the fields of a record that a request determines.
func requestRecord(r *http.Request) auditRecord {
	action := r.Pattern
	if action == "" {
		action = r.Method + " " + r.URL.Path
	}
	return auditRecord{Action: printable(action), Who: callerOf(r.Context()), Peer: r.RemoteAddr, Reason: printable(r.Header.Get("Tenantedge-Reason"))}
}

// printable returns s in one line of at most 200 characters, for the log.
func printable(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s))
	return fmt.Sprintf("%.200s", s)
}

// appended is the path of a file to which each Write appends durably. It opens the
// file anew, so that the file can be moved away while the edge runs.
type appended string

func (path appended) Write(line []byte) (int, error) {
	f, err := os.OpenFile(string(path), os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close() // after Sync
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("expected %s to be a regular file, found another kind; put a file there", string(path))
	}
	n, err := f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	return n, err
}
