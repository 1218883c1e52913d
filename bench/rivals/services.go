package rivals

import (
	"context"
	"log/slog"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// services implements the host functions for rivals that run our guest without
// our engine. It keeps the last match, so that decode need not copy its strings.
type services struct {
	directory *tenantdb.Directory
	match     tenantdb.Match
}

var _ hostfuncs.Services = (*services)(nil)

func (s *services) ByDomain(domain, folder string, out []byte) (int, bool) {
	m, ok := s.directory.ByDomain(domain, folder)
	if !ok {
		return 0, false
	}
	s.match = m
	return writeRecord(&m, true, out), true
}

func (s *services) ByReference(ref string, out []byte) (int, bool) {
	t, ok := s.directory.ByReference(ref)
	if !ok {
		return 0, false
	}
	s.match = tenantdb.Match{Tenant: t}
	return writeRecord(&s.match, false, out), true
}

func (s *services) Primary(id string, out []byte) (int, bool) {
	m, ok := s.directory.Primary(id)
	if !ok {
		return 0, false
	}
	return writeRecord(&m, true, out), true
}

func (s *services) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.Unavailable
}

func (s *services) Files(context.Context, hostfuncs.Files) (hostfuncs.Files, error) {
	return nil, abi.Unavailable
}

func (s *services) FileLimits() hostfuncs.FileLimits { return hostfuncs.FileLimits{} }

func (s *services) Log(context.Context, slog.Level, string, ...slog.Attr) {}

// writeRecord writes m to out as a record of the abi and returns its size.
func writeRecord(m *tenantdb.Match, withDomain bool, out []byte) int {
	var word uint32
	if m.IsPrimary {
		word |= abi.RecPrimary
	}
	if m.RedirectToPrimary {
		word |= abi.RecRedirectToPrimary
	}
	b := abi.Begin(out, word, abi.RecAttr0)
	b.Put(abi.RecID, m.Tenant.ID)
	b.Put(abi.RecSchema, m.Tenant.Schema)
	if withDomain {
		b.Put(abi.RecDomain, m.Domain)
		b.Put(abi.RecFolder, m.Folder)
	}
	return b.Size()
}
