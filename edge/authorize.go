package edge

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// FileRequest asks whether a private file may be had.
type FileRequest struct {
	Tenant *tenant.Tenant // nil: that of the context
	Method string
	Name   string // of the file inside the tenant's files; see NoName
	NoName bool   // the path is that of none of the tenant's files
	Host   string
	Header http.Header // the guest sees those that it asked for
}

// Verdict says whether a private file may be had. The zero value denies.
type Verdict uint8

// Verdicts.
const (
	Deny  Verdict = iota // 403
	Allow                // send it
	Hide                 // 404, as for a file that is missing
)

// Authorize asks the guest whether a request may have a private file. Without
// a tenant, and with a guest that does not authorize, the answer is Deny. With
// an error, as those of Route, nothing may be sent either.
func (h *Host) Authorize(ctx context.Context, r FileRequest) (Verdict, error) {
	t := tenantOf(ctx, r.Tenant)
	if t == nil {
		return Deny, nil
	}
	g, i, err := h.borrow(ctx)
	if err != nil {
		return Deny, err
	}
	defer g.program.Return(i)
	if !g.program.Has(instance.Authorize) {
		return Deny, nil
	}
	i.Services().(*services).beginFor(t)
	verdict := Deny
	err = i.Call(ctx, instance.Authorize, func(buf []byte) int {
		return encodeAccess(buf, t, &r, g.program.Configured().AuthorizeHeaders)
	}, func(m abi.Message) error {
		switch m.Word() {
		case abi.AuthAllow:
			verdict = Allow
		case abi.AuthHide:
			verdict = Hide
		case abi.AuthDeny:
		default:
			return instance.Senseless(instance.Authorize, fmt.Errorf("the verdict is %d: expected one of guest/abi", m.Word()))
		}
		return nil
	})
	if err != nil {
		return Deny, g.failed(err)
	}
	return verdict, nil
}

// Authorizes reports whether the guest decides about private files. If not,
// nobody gets any.
func (h *Host) Authorizes() bool { return h.current.Load().program.Has(instance.Authorize) }

// encodeAccess writes the request to buf and returns its size, see sizeOf.
func encodeAccess(buf []byte, t *tenant.Tenant, r *FileRequest, asked []string) int {
	b := abi.Begin(buf, 0, abi.AuthHeader0+len(asked))
	b.Put(abi.AuthSchema, t.Schema)
	if t.Dynamic {
		b.Put(abi.AuthTenantID, t.ID)
	}
	b.Put(abi.AuthMethod, r.Method)
	b.Put(abi.AuthPath, t.Path)
	if !r.NoName {
		b.Put(abi.AuthName, r.Name)
	}
	b.Put(abi.AuthHost, r.Host)
	b.Put(abi.AuthFolder, t.Routing.Folder)
	b.Put(abi.AuthURLConf, t.URLConf)
	for i, name := range asked {
		putHeader(&b, abi.AuthHeader0+i, r.Header[http.CanonicalHeaderKey(name)])
	}
	return sizeOf(&b)
}

// putHeader sets a field to the values of a header, if it was sent.
func putHeader(b *abi.Builder, field int, values []string) {
	for i, v := range values {
		if i == 0 {
			b.Put(field, v)
			continue
		}
		b.Append(field, "\n")
		b.Append(field, v)
	}
}
