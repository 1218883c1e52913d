package guests

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// FileRequest is a request for a private file. Its fields are those of
// edge.FileRequest.
type FileRequest struct {
	Tenant *tenant.Tenant
	Method string
	Name   string
	NoName bool
	Host   string
	Header http.Header
}

// Authorize returns the guest's verdict about a private file: abi.AuthAllow,
// abi.AuthHide or abi.AuthDeny. A guest without the export denies all.
func (s *Set) Authorize(ctx context.Context, r *FileRequest) (verdict uint32, err error) {
	g, i, err := s.BorrowFor(ctx, r.Tenant.Schema)
	if err != nil {
		return abi.AuthDeny, err
	}
	defer g.program.Return(i)
	if !g.program.Has(instance.Authorize) {
		return abi.AuthDeny, nil
	}
	verdict = abi.AuthDeny
	err = g.CallFor(ctx, i, r.Tenant, instance.Authorize, func(buf []byte) int {
		return encodeFileRequest(buf, r, g.program.Configured().AuthorizeHeaders)
	}, func(m abi.Message) error {
		switch m.Word() {
		case abi.AuthAllow, abi.AuthHide, abi.AuthDeny:
			verdict = m.Word()
			return nil
		}
		return instance.InvalidReply(instance.Authorize, fmt.Errorf("the verdict is %d: expected one that guest/abi defines", m.Word()))
	})
	if err != nil {
		return abi.AuthDeny, err
	}
	return verdict, nil
}

// encodeFileRequest writes the request to buf and returns its [Size].
func encodeFileRequest(buf []byte, r *FileRequest, headers []string) int {
	t := r.Tenant
	b := abi.Begin(buf, 0, abi.AuthHeader0+len(headers))
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
	for i, name := range headers {
		PutHeader(&b, abi.AuthHeader0+i, r.Header[http.CanonicalHeaderKey(name)])
	}
	return Size(&b)
}
