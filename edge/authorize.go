package edge

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// FileRequest is a request for a private file.
type FileRequest struct {
	Tenant *tenant.Tenant // nil: the tenant of the context
	Method string
	Name   string // name of the file among the tenant's files; see NoName
	NoName bool   // the path does not name a file of the tenant
	Host   string
	Header http.Header // the guest sees the headers that it listed in its reply to te_configure
}

// Verdict is the guest's answer to a [FileRequest]. The zero value denies.
type Verdict uint8

// The verdicts.
const (
	Deny  Verdict = iota // answer 403
	Allow                // send the file
	Hide                 // answer 404, as for a missing file
)

// Authorize asks the guest whether a client may have a private file. It denies
// without a tenant, and with a guest that authorizes nothing. The errors are
// those of [Host.Route]; with one, the verdict is Deny.
func (h *Host) Authorize(ctx context.Context, r FileRequest) (Verdict, error) {
	if r.Tenant = tenantOf(ctx, r.Tenant); r.Tenant == nil {
		return Deny, nil
	}
	verdict, err := h.guests.Authorize(ctx, (*guests.FileRequest)(&r))
	if err != nil {
		return Deny, public(err)
	}
	switch verdict {
	case abi.AuthAllow:
		return Allow, nil
	case abi.AuthHide:
		return Hide, nil
	}
	return Deny, nil
}

// Authorizes reports whether the guest authorizes private files. If not,
// Authorize denies all.
func (h *Host) Authorizes() bool { return h.guests.Current().Has(instance.Authorize) }
